"""Writes what a model computes as an ONNX file that has proved equal to Keras."""

import json
import shutil
from pathlib import Path

import onnx
import onnx_ir as ir

from keras_mae.atomic import check_free, new_files
from keras_mae.program import InputError

from .encoder import perturbed
from .manifest import (
    data_path,
    hash_files,
    hash_weights,
    make_manifest,
    manifest_path,
    write_json,
)
from .onnx_gates import check_cosine, check_graph, check_parity
from .onnx_graph import OPSET, attach_weights, convert, describe_graph
from .onnx_quantize import check_method, quantize
from .outputs import choose_outputs
from .resized import resized

MAX_BYTES = 2**31 * 0.95  # of weights: a protobuf message ends at 2 GiB
PACKAGES = (
    "tensorflow",
    "keras",
    "numpy",
    "tf2onnx",
    "onnxscript",
    "onnx",
    "onnxruntime",
)


def write_onnx(
    model,
    output,
    pixels=False,
    image_size=None,
    quantization=None,
    images=(),
    overwrite=False,
    **chosen,
):
    """Writes an ONNX file of a model's outputs, after it has passed all gates.

    The gates: every op is in the ONNX standard of opset 18, `onnx.checker` and
    ONNX Runtime take the graph, and its outputs equal Keras' for 1, 2 and 3 images,
    on the model's weights and on perturbed ones. A quantized file is made of one that
    has passed, and passes where the cosine of every image's outputs to Keras' is at
    least .999. A file that fails leaves no trace, and an old one untouched.

    Args:
        model: `ViTEncoder`, or a model with one as `.encoder`. In mixed precision,
            a float32 copy is written.
        output: Name of the file, ending in `.onnx`.
        pixels: Boolean. Whether the file takes uint8 pixels in [0, 255], of the
            model's size, and normalises them itself.
        image_size: `None` for the model's, or another `(height, width)`, to which the
            positions are fitted.
        quantization: `None`, `"int8"` or `"fp16"`, see `quantize`.
        images: JPEG and PNG files on which a quantized file is judged, besides
            generated pictures.
        overwrite: Boolean. Whether files of these names are replaced.
        **chosen: Arguments of `choose_outputs`: `names`, `pooling`, `class_names`,
            `top`.

    Returns:
        `Path` of the file. Input `images`, float32 `(batch, height, width, channels)`,
        normalised, or uint8; any batch, one height and width. Its metadata hold the
        preprocessing, the signature and the hash of the weights; beside it
        lie `NAME.onnx.manifest.json`, which holds what a SavedModel's does, and, of
        weights above 2 GiB, `NAME.onnx.data`.

    Raises:
        InputError: The model has no such outputs, the size does not fit its patches,
            the quantization is unknown, or the file exists.
        RuntimeError: The result does not pass a gate.
    """
    path = _checked_path(output, overwrite)
    if quantization is not None:
        check_method(quantization)
    elif images:
        raise InputError(
            "--images are what --quantize is judged on. Received: images alone; "
            "`python -m export.verify --images` compares any file on them"
        )
    if image_size is not None:
        model = resized(model, image_size)
    outputs = choose_outputs(model, **chosen)
    with new_files(path, overwrite) as folder:
        file = folder / path.name
        details = _write_float32(file, outputs, pixels)
        details |= {"resized": image_size is not None}
        if quantization is not None:
            details |= _write_quantized(file, outputs, pixels, quantization, images)
        write_json(manifest_path(file), _manifest(file, outputs, **details))
        is_one_file = not data_path(file).exists()
    if is_one_file:  # the data of the file that was there belong to nothing now
        data_path(path).unlink(missing_ok=True)
    return path


def save(model, file):
    """Writes an `onnx_ir.Model`; weights above 2 GiB go into a file beside it.

    Those are the weights of products and positions; what is small stays inside.
    """
    size = sum(value.const_value.nbytes for value in model.graph.initializers.values())
    external = data_path(file).name if size > MAX_BYTES else None
    ir.save(model, file, external_data=external)


def _write_float32(file, outputs, pixels):
    """Writes a file that has passed; returns what the manifest tells of it."""
    graph = convert(outputs, pixels)
    error = _check_perturbed(graph, file, outputs, pixels)
    attach_weights(graph, outputs.model)
    signature = describe_graph(graph.graph)
    graph.metadata_props["signature"] = json.dumps(signature)
    graph.metadata_props["weights_sha256"] = hash_weights(outputs.model)
    save(graph, file)
    check_graph(file)
    error = max(error, check_parity(file, outputs, pixels))
    return {"signature": signature, "max_error": error, "quantization": None}


def _check_perturbed(graph, file, outputs, pixels):
    noisy = outputs.of_model(perturbed(outputs.model))
    attach_weights(graph, noisy.model)
    save(graph, file)
    check_graph(file)
    return check_parity(file, noisy, pixels)


def _write_quantized(file, outputs, pixels, method, images):
    """Writes a file anew, in lower precision; returns what changes in the manifest."""
    source = file.parent / "float32"
    source.mkdir()
    for written in (file, data_path(file)):
        if written.exists():
            written.rename(source / written.name)
    quantize(source / file.name, file, method)
    shutil.rmtree(source)
    check_graph(file)
    cosine, error = check_cosine(file, outputs, pixels, images)
    return {"quantization": method, "min_cosine": cosine, "max_error": error}


def _manifest(file, outputs, signature, max_error, **details):
    manifest = make_manifest(outputs, {"session": signature}, max_error, PACKAGES)
    graph = onnx.load(file, load_external_data=False).graph
    return {
        **manifest,
        **details,
        "opset": OPSET,
        "num_nodes": len(graph.node),
        "files": hash_files(file),
    }


def _checked_path(output, overwrite):
    path = Path(output)
    if path.suffix != ".onnx":
        raise InputError(f"the output must end in .onnx. Received: {output}")
    for name in (path, manifest_path(path), data_path(path)):
        check_free(name, overwrite)
    return path
