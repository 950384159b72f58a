"""Writes an encoder as a SavedModel that TF Serving can load."""

from pathlib import Path

import tensorflow as tf

from keras_mae.atomic import new_directory
from keras_mae.layers.vit_encoder import check_pooling
from keras_mae.program import InputError
from keras_mae.weights import encoder_of

from .cases import expected_outputs, make_cases, max_error
from .encoder import in_float32
from .manifest import hash_files, make_manifest, manifest_path, write_json
from .quiet import quiet
from .saved_graph import check_servable, describe_signatures, read_meta_graph
from .signatures import make_signatures

TOLERANCE = 1e-4  # of the export's own comparison with Keras
PACKAGES = ("tensorflow", "keras", "numpy")


def write_saved_model(model, output, version=None, pooling="gap", tokens=True):
    """Writes `output/version/`, a SavedModel of the encoder, and checks it.

    The folder appears complete or not at all, and nothing is overwritten. It is
    loaded again and compared with Keras before it gets its name.

    Args:
        model: `ViTEncoder`, or a model with one as `.encoder`. In mixed precision,
            a float32 copy is written.
        output: Folder of all versions; its name is the served model's.
        version: Integer from 0, or `None` for one more than the highest there.
        pooling: `"gap"` (mean of the patches) or `"token"` (class token).
        tokens: Boolean. Whether the signatures return the tokens, too.

    Returns:
        `Path` of the new folder. `assets.extra/manifest.json` in it holds
        signatures, preprocessing, hashes, versions and the measured error.

    Raises:
        InputError: The model holds no encoder, the pooling is unknown, or the
            version exists.
        RuntimeError: The result is not servable or differs from Keras by more than
            1e-4 (relative to the largest value, where that exceeds 1).
    """
    check_pooling(pooling)
    encoder = in_float32(encoder_of(model))
    path = version_path(output, version)
    with new_directory(path) as temporary:
        _save(encoder, temporary, make_signatures(encoder, pooling, tokens))
        meta_graph = read_meta_graph(temporary)
        check_servable(meta_graph)
        error = _compare(encoder, pooling, temporary)
        manifest = make_manifest(
            encoder, pooling, describe_signatures(meta_graph), error, PACKAGES
        )
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
    """Holds the variables of an encoder and nothing else.

    `model.export()` and `ExportArchive.track()` store every weight twice
    (keras-team/keras#23553).
    """

    def __init__(self, encoder):
        super().__init__()
        self.weights = [variable.value for variable in encoder.variables]


def _save(encoder, directory, signatures):
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    with quiet("tensorflow", "absl"):
        tf.saved_model.save(Servable(encoder), str(directory), signatures, options)


def _compare(encoder, pooling, directory):
    """Returns the largest error of all signatures, or raises."""
    loaded = tf.saved_model.load(str(directory)).signatures
    worst = 0.0
    for name, batches in make_cases(encoder.preprocessing).items():
        for batch in batches:
            outputs = loaded[name](**_argument(name, batch))
            received = {key: value.numpy() for key, value in outputs.items()}
            expected = expected_outputs(encoder, pooling, name, batch)
            error = max_error(expected, received)
            if not error <= TOLERANCE:  # NaN is an error, too
                raise RuntimeError(
                    f"{name} differs from Keras by {error:.1e}, more than {TOLERANCE}"
                )
            worst = max(worst, error)
    return worst


def _argument(name, batch):
    if name == "serve_bytes":
        return {"image_bytes": tf.constant(batch)}
    return {"images": tf.constant(batch)}


def _fingerprint(directory):
    return tf.saved_model.experimental.read_fingerprint(str(directory)).singleprint()
