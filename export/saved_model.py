"""Writes an encoder as a SavedModel that TF Serving can load."""

import dataclasses
from pathlib import Path

import tensorflow as tf

from keras_mae.atomic import new_directory
from keras_mae.layers.served import served_norms
from keras_mae.program import InputError, checking_input, unknown

from .cases import expected_outputs, make_cases
from .limits import Limits
from .manifest import hash_files, make_manifest, manifest_path, write_json
from .nearness import MIN_COSINE, max_error, min_cosine
from .outputs import choose_outputs
from .precision import PRECISIONS, in_bfloat16
from .quiet import quiet
from .saved_graph import check_servable, describe_signatures, read_meta_graph
from .signatures import make_signatures

TOLERANCE = 1e-4  # of the export's own comparison with Keras
PACKAGES = ("tensorflow", "keras", "numpy")


def write_saved_model(
    model, output, version=None, limits=None, precision="float32", **chosen
):
    """Writes `output/version/`, a SavedModel, and checks it.

    The folder appears complete or not at all, and nothing is overwritten. It is
    loaded again and compared with Keras before it gets its name.

    Args:
        model: `ViTEncoder`, or a model with one as `.encoder`. In mixed precision,
            a float32 copy is written.
        output: Folder of all versions; its name is the served model's.
        version: Integer from 0, or `None` for one more than the highest there.
        limits: `Limits` of requests, or `None` for the default ones.
        precision: `"float32"`, or `"bfloat16"` for products of matrices in bfloat16.
        **chosen: `names`, `pooling`, `class_names`, `top` of `choose_outputs`.

    Returns:
        `Path` of the new folder. `assets.extra/manifest.json` in it holds
        signatures, preprocessing, hashes, versions and the measured error.

    Raises:
        InputError: The model does not have these outputs, the precision is unknown,
            its images exceed the limits, or the version exists.
        RuntimeError: The result is not servable or differs from Keras: by more than
            1e-4 (relative to the largest value, where that exceeds 1), or, in bfloat16,
            by a cosine below .999 between the outputs of an image.
    """
    if precision not in PRECISIONS:
        raise unknown("precision", precision, PRECISIONS)
    outputs, limits = choose_outputs(model, **chosen), limits or Limits()
    with checking_input():
        limits.check_model(outputs.encoder.image_size)
    path, served = version_path(output, version), outputs
    if precision == "bfloat16":
        served = outputs.of_model(in_bfloat16(outputs.model))
    with new_directory(path) as temporary:
        _save(served.model, temporary, make_signatures(served, limits))
        meta_graph = read_meta_graph(temporary)
        check_servable(meta_graph)
        signatures = describe_signatures(meta_graph)
        cases = make_cases(outputs, max_batch=limits.max_batch)
        error, cosine = _compare(outputs, signatures, cases, temporary, precision)
        manifest = make_manifest(served, signatures, error, PACKAGES)
        if precision != "float32":
            manifest |= {"quantization": precision, "min_cosine": cosine}
        manifest["limits"] = dataclasses.asdict(limits)
        manifest["fingerprint"] = _fingerprint(temporary)
        manifest["files"] = hash_files(temporary)
        manifest_path(temporary).parent.mkdir(exist_ok=True)
        write_json(manifest_path(temporary), manifest)
    return path


def version_path(output, version=None):
    """Returns the folder of a version that does not exist yet.

    Raises:
        InputError: It exists, is negative, or `output` is no folder.
    """
    output = Path(output)
    if output.exists() and not output.is_dir():
        raise InputError(f"{output} is a file; expected the folder of all versions")
    taken = list_versions(output)
    if version is None:
        version = max(taken, default=0) + 1
    if version < 0:
        raise InputError(f"versions count from 0. Received: version={version}")
    if version in taken:
        raise InputError(
            f"{output} has a version {version} already and nothing is overwritten; "
            f"the next free one is {max(taken) + 1}"
        )
    return output / str(version)


def list_versions(output):
    """Returns the numbers of the versions in a folder, as TF Serving reads names."""
    output = Path(output)
    names = [path.name for path in output.iterdir()] if output.is_dir() else []
    return sorted(int(name) for name in names if name.isascii() and name.isdecimal())


class Servable(tf.Module):
    """Holds the variables of a model and nothing else.

    `model.export()` and `ExportArchive.track()` store every weight twice
    (keras-team/keras#23553).
    """

    def __init__(self, model):
        super().__init__()
        self.weights = [variable.value for variable in model.weights]


def _save(model, directory, signatures):
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    with quiet("tensorflow", "absl"), served_norms():
        tf.saved_model.save(Servable(model), str(directory), signatures, options)


def _compare(outputs, signatures, cases, directory, precision):
    """Returns the largest error of all signatures and the least cosine, or raises."""
    loaded = tf.saved_model.load(str(directory)).signatures
    errors, cosines = [], []
    for name in signatures:
        for batch in cases[name]:
            inputs = {key: tf.constant(value) for key, value in batch.items()}
            results = loaded[name](**inputs)
            received = {key: value.numpy() for key, value in results.items()}
            expected = expected_outputs(outputs, name, batch)
            errors.append(max_error(expected, received))
            cosines.append(min_cosine(expected, received))
            _check(name, errors[-1], cosines[-1], precision)
    return max(errors), min(cosines)


def _check(name, error, cosine, precision):
    if precision == "float32" and not error <= TOLERANCE:  # NaN is an error, too
        raise RuntimeError(
            f"{name} differs from Keras by {error:.1e}, more than {TOLERANCE}"
        )
    if precision != "float32" and not cosine >= MIN_COSINE:
        raise RuntimeError(
            f"{name} in {precision} differs from Keras: a cosine of {cosine:.5f}, less "
            f"than {MIN_COSINE}"
        )


def _fingerprint(directory):
    return tf.saved_model.experimental.read_fingerprint(str(directory)).singleprint()
