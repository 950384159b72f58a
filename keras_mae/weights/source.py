"""Opens weight files of other packages, whatever their format."""

import dataclasses
from pathlib import Path

from ..program import InputError
from .mapped import MappedTensors
from .metadata import Metadata, read_metadata
from .pth import read_pth
from .safetensors import read_json, read_safetensors, read_shards

INDEX = ".safetensors.index.json"
ACCEPTED = ".keras, .pth, .pt or .safetensors, or a folder of Hugging Face"
# What a Hugging Face folder may hold, the best first.
_FOLDER_FILES = ("model.safetensors", f"model{INDEX}", "pytorch_model.bin")


@dataclasses.dataclass(frozen=True)
class Source:
    """An opened weight file.

    Attributes:
        path: `Path` of the file, inside the folder if a folder was given.
        layout: One line: its format.
        tensors: `MappedTensors`: arrays that share the file's memory.
        settings: Dictionary of a training checkpoint's `args`.
        metadata: `Metadata` that this package wrote into the file, or empty.
        config: Dictionary of the Hugging Face `config.json` beside it, or empty.
        image_processor: Dictionary of the `preprocessor_config.json` beside it.
    """

    path: Path
    layout: str
    tensors: MappedTensors
    settings: dict
    metadata: Metadata
    config: dict
    image_processor: dict


def is_weights(path):
    """Tells whether a path is a weight file of another package, by its name."""
    path = Path(path)
    suffixes = (".pth", ".pt", ".safetensors", INDEX)
    return path.is_dir() or path.name.endswith(suffixes)


def open_weights(path):
    """Opens a .pth, .pt or .safetensors file, an index of shards, or a folder.

    Returns:
        A `Source`.

    Raises:
        ValueError: The file is missing, damaged or of another kind.
    """
    path = _inside(Path(path))
    try:
        opened = _read(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    config = _beside(path, "config.json")
    return Source(
        path,
        *opened,
        config if "num_attention_heads" in config else {},
        _beside(path, "preprocessor_config.json"),
    )


def _inside(path):
    if not path.exists():
        raise InputError(f"no model file {path}; expected {ACCEPTED}")
    if not path.is_dir():
        return path
    for name in _FOLDER_FILES:
        if (path / name).is_file():
            return path / name
    raise InputError(
        f"{path} is a folder without weights; expected one of "
        f"{', '.join(_FOLDER_FILES)} in it"
    )


def _read(path):
    """Returns layout, tensors, settings and metadata."""
    if path.name.endswith(INDEX):
        return "safetensors in shards", read_shards(path), {}, Metadata()
    if path.suffix == ".safetensors":
        tensors, metadata = read_safetensors(path)
        return "safetensors", tensors, {}, read_metadata(metadata, path)
    return *read_pth(path), Metadata()


def _beside(path, name):
    path = path.parent / name
    return read_json(path) if path.is_file() else {}
