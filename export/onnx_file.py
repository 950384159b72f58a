"""Writes an encoder as an ONNX file that has proved equal to Keras."""

import json
from pathlib import Path

import onnx
import tensorflow as tf
import tf2onnx

from keras_mae.atomic import check_free, new_file
from keras_mae.layers.vit_encoder import check_pooling
from keras_mae.program import InputError
from keras_mae.version import __version__
from keras_mae.weights import encoder_of

from .encoder import in_float32, num_bytes, perturbed
from .manifest import (
    hash_files,
    make_manifest,
    manifest_path,
    plain_config,
    write_json,
)
from .onnx_gates import check_graph, check_parity
from .quiet import quiet
from .signatures import float_signature

OPSET = 18  # the newest of tf2onnx 1.17
MAX_BYTES = 2**31  # of a protobuf message
PACKAGES = ("tensorflow", "keras", "numpy", "tf2onnx", "onnx", "onnxruntime")


def write_onnx(model, output, pooling="gap", overwrite=False):
    """Writes an ONNX file of the encoder, after it has passed all gates.

    The gates: every op is in the ONNX standard of opset 18, `onnx.checker` and
    ONNX Runtime take the graph, and its outputs equal Keras' for 1 and 3 images,
    on the model's weights and on perturbed ones. tf2onnx can write files that
    fail each of these without saying so.

    Args:
        model: `ViTEncoder`, or a model with one as `.encoder`. In mixed precision,
            a float32 copy is written.
        output: Name of the file, ending in `.onnx`.
        pooling: `"gap"` (mean of the patches) or `"token"` (class token).
        overwrite: Boolean. Whether files of these names are replaced.

    Returns:
        `Path` of the file. Input `images`, float32 `(batch, height, width,
        channels)`, normalised; outputs `features` `(batch, embed_dim)` and `tokens`
        `(batch, 1 + num_patches, embed_dim)`. Its metadata hold the preprocessing;
        `NAME.onnx.manifest.json` beside it holds what a SavedModel's does.

    Raises:
        InputError: The model holds no encoder or is too large, the pooling is
            unknown, or the file exists.
        RuntimeError: The result does not pass a gate.
    """
    check_pooling(pooling)
    path = _checked_path(output, overwrite)
    encoder = in_float32(encoder_of(model))
    _check_size(encoder)
    error = _check_perturbed(encoder, pooling)
    converted = convert(encoder, pooling)
    check_graph(converted)
    error = max(error, check_parity(converted, encoder, pooling))
    _write(path, converted, encoder, pooling, error, overwrite)
    return path


def convert(encoder, pooling="gap"):
    """Returns the `onnx.ModelProto` of a float32 encoder, not yet checked."""
    function = float_signature(encoder, pooling)
    with quiet("tensorflow", "absl", "tf2onnx"):
        model, _ = tf2onnx.convert.from_function(
            function, input_signature=function.input_signature, opset=OPSET
        )
    name_batch(model.graph)
    properties = {
        "keras_mae": __version__,
        "pooling": pooling,
        "preprocessing": json.dumps(plain_config(encoder.preprocessing)),
    }
    onnx.helper.set_model_props(model, properties)
    return model


def name_batch(graph):
    """Calls the first axis of all inputs and outputs `batch`.

    tf2onnx gives every unknown length a name of its own, as if they could differ.
    """
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    del graph.value_info[:]  # derived shapes, under the old names


def describe_graph(graph):
    """Returns names, dtypes and shapes of inputs and outputs; a `None` is the batch."""
    return {
        "inputs": _describe(graph.input),
        "outputs": _describe(graph.output),
    }


def _check_perturbed(encoder, pooling):
    copy = perturbed(encoder)
    return check_parity(convert(copy, pooling), copy, pooling)


def _write(path, converted, encoder, pooling, error, overwrite):
    signatures = {"session": describe_graph(converted.graph)}
    manifest = make_manifest(encoder, pooling, signatures, error, PACKAGES)
    manifest |= {"opset": OPSET, "num_nodes": len(converted.graph.node)}
    with (
        # On leaving, the manifest gets its name first: no model is without one.
        new_file(path, overwrite) as model_file,
        new_file(manifest_path(path), overwrite) as manifest_file,
    ):
        onnx.save_model(converted, model_file)
        manifest["files"] = {path.name: hash_files(model_file)[model_file.name]}
        write_json(manifest_file, manifest)


def _checked_path(output, overwrite):
    path = Path(output)
    if path.suffix != ".onnx":
        raise InputError(f"the output must end in .onnx. Received: {output}")
    for name in (path, manifest_path(path)):
        check_free(name, overwrite)
    return path


def _check_size(encoder):
    size = num_bytes(encoder)
    if size > MAX_BYTES * 0.95:  # the graph needs a little of its own
        raise InputError(
            f"an ONNX file ends at 2 GiB and the weights have {size / 2**30:.1f}; "
            "write a SavedModel"
        )


def _describe(values):
    described = {}
    for value in values:
        tensor = value.type.tensor_type
        dtype = tf.as_dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
        shape = [None if d.dim_param else d.dim_value for d in tensor.shape.dim]
        described[value.name] = {"dtype": dtype.name, "shape": shape}
    return described
