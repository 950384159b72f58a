"""Writes models as files: Keras' own, safetensors, and folders of Hugging Face."""

import json
from pathlib import Path

from ..atomic import check_free, new_directory, new_file
from ..program import InputError
from .hugging_face import make_config, make_processor, spelling_of
from .keras_file import write_keras
from .metadata import describe_model
from .outgoing import outgoing
from .safetensors_writer import write_safetensors
from .spellings import ORIGINAL

# Files of others, which a folder should not be called by mistake.
_NOT_WRITTEN = (".pth", ".pt", ".bin", ".h5", ".json", ".npz", ".onnx")


def save(model, path, overwrite=False, progress=iter):
    """Writes a model, under a temporary name until it is complete.

    The end of `path` tells the format:

    - `.keras`: everything, by Keras.
    - `.safetensors`: the weights under the names of the authors' code and of timm,
      positions included, so that a state dict of theirs takes them strictly; and
      what `load` needs to build the model without being told, names of classes
      among it.
    - anything else: a folder of Hugging Face, for transformers: `config.json`,
      `model.safetensors` under the hub's names, `preprocessor_config.json`. A
      `MaskedAutoencoder` becomes `ViTMAEForPreTraining`, a `ViTClassifier` of the
      class token `ViTForImageClassification`, a `ViTEncoder` `ViTModel` (with
      `add_pooling_layer=False`). Names of classes are its labels. It
      tells neither the mask sampler nor seeds.

    Every weight is written as it is: what `load` reads from a float32 file comes
    out with the same bytes. Half precision is loaded as float32, without loss, and
    comes out as that, unless it was loaded as such (`dtype="float16"`).

    Args:
        model: A `MaskedAutoencoder`, `ViTClassifier` or `ViTEncoder`; as `.keras`,
            any Keras model.
        path: String or path.
        overwrite: Boolean. Whether a file is replaced; a folder never is.
        progress: Function that passes a list of tensors on while they are written,
            such as `tqdm.tqdm`.

    Returns:
        `Path` of what was written.

    Raises:
        ValueError: The name is taken or cannot be written, or the format has no
            such model.
    """
    path = Path(path)
    write = _WRITERS[format_of(path)]
    try:
        write(model, path, overwrite, progress)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error}") from error
    return path


def format_of(path):
    """Returns the format that the end of a path tells.

    Returns:
        `"keras"`, `"safetensors"` or `"huggingface"`.

    Raises:
        ValueError: It tells one that is not written.
    """
    suffix = Path(path).suffix
    if suffix in _NOT_WRITTEN:
        raise InputError(
            f"{suffix} is not written; expected a .keras or .safetensors file, or a "
            f"folder for Hugging Face. Received: {path}"
        )
    return {".keras": "keras", ".safetensors": "safetensors"}.get(suffix, "huggingface")


def check_destination(path, overwrite=False):
    """Raises what `save` would raise about the path alone."""
    check_free(path, overwrite and format_of(path) != "huggingface")


def _write_keras(model, path, overwrite, _):
    with new_file(path, overwrite) as temporary:
        write_keras(model, temporary)


def _write_safetensors(model, path, overwrite, progress):
    tensors = outgoing(model, ORIGINAL)
    with new_file(path, overwrite) as temporary:
        write_safetensors(temporary, tensors, describe_model(model), progress)


def _write_hugging_face(model, path, _, progress):
    tensors = outgoing(model, spelling_of(model))
    config = make_config(model)
    processor = make_processor(model.preprocessing)
    with new_directory(path) as folder:
        _write_json(folder / "config.json", config)
        _write_json(folder / "preprocessor_config.json", processor)
        # Of which library's arrays these are: older transformers insist on it.
        metadata = {"format": "pt"}
        write_safetensors(folder / "model.safetensors", tensors, metadata, progress)


def _write_json(path, content):
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


_WRITERS = {
    "keras": _write_keras,
    "safetensors": _write_safetensors,
    "huggingface": _write_hugging_face,
}
