"""What an artifact says about itself, in a `manifest.json` that travels with it."""

import hashlib
import importlib.metadata
import json
from pathlib import Path

from keras_mae.program import InputError
from keras_mae.version import __version__

from .encoder import num_bytes


def make_manifest(outputs, signatures, max_error, packages):
    """Returns what both kinds of artifact tell; their writers add files and more.

    Args:
        outputs: The `Outputs` that were written.
        signatures: Dictionary of inputs and outputs, by signature.
        max_error: Float. What the export's own comparison with Keras measured.
        packages: Names of the packages that took part.

    Returns:
        Dictionary that JSON can hold.
    """
    return {
        "signatures": signatures,
        "preprocessing": plain_config(outputs.encoder.preprocessing),
        **outputs.config,
        "num_parameters": int(outputs.model.count_params()),
        "variable_bytes": num_bytes(outputs.model),
        "max_error": max_error,
        "versions": {
            "keras_mae": __version__,
            **{name: importlib.metadata.version(name) for name in packages},
        },
    }


def plain_config(preprocessing):
    """Returns the configuration of a `Preprocessing` as JSON gives it back."""
    return json.loads(json.dumps(preprocessing.get_config()))


def write_json(path, content):
    Path(path).write_text(json.dumps(content, indent=2) + "\n")


def manifest_path(artifact):
    """Returns where the manifest of an artifact lies.

    `assets.extra/` is the SavedModel folder for files that the loader leaves
    alone; TF Serving looks there for its warm-up requests only.
    """
    artifact = Path(artifact)
    if artifact.is_dir():
        return artifact / "assets.extra" / "manifest.json"
    return artifact.with_name(artifact.name + ".manifest.json")


def data_path(artifact):
    """Returns where the weights of a large ONNX file lie."""
    return artifact.with_name(artifact.name + ".data")


def read_manifest(artifact):
    """Returns the manifest of a SavedModel's folder or of an ONNX file.

    Raises:
        InputError: There is none, so the artifact was not written by this package.
    """
    path = manifest_path(artifact)
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise InputError(
            f"{artifact} has no manifest at {path}; only artifacts of "
            "export.to_saved_model and export.to_onnx can be verified"
        ) from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}") from error


def hash_files(artifact):
    """Returns the sha256 of an artifact's files, by name; the manifest is not one."""
    artifact = Path(artifact)
    if artifact.is_file():
        files = [path for path in (artifact, data_path(artifact)) if path.exists()]
        return {path.name: _sha256(path) for path in files}
    files = [path for path in artifact.rglob("*") if path.is_file()]
    return {
        path.relative_to(artifact).as_posix(): _sha256(path)
        for path in sorted(files)
        if path != manifest_path(artifact)
    }


def changed_files(artifact, manifest):
    """Returns the files that differ from the manifest's or are missing.

    Files that came later, such as warm-up requests, are no change.
    """
    now, written = hash_files(artifact), manifest["files"]
    if Path(artifact).is_file():  # which may have been renamed
        changed = [name for name in now if now[name] not in written.values()]
        return changed or ([] if len(now) == len(written) else list(written))
    return [name for name in written if now.get(name) != written[name]]


def hash_weights(model):
    """Returns the sha256 of a model's weights, in their order, with their paths."""
    digest = hashlib.sha256()
    for weight in model.weights:
        digest.update(weight.path.encode())
        digest.update(weight.numpy().tobytes())
    return digest.hexdigest()


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
