"""Opens PyTorch's .pth and .pt files, without PyTorch.

Both formats: the zip archive (PyTorch 1.6 and later) and the older row of pickles.
The file is mapped into memory, so that tensors are read when they are used.
"""

import io
import os
import struct
import zipfile
from pathlib import PurePosixPath

import numpy as np

from ..program import InputError
from .mapped import MappedTensors, map_file
from .torch_globals import Global, Inert
from .torch_pickle import read_pickle
from .torch_tensors import TensorInFile, describe_storage

_MAGIC = 0x1950A86A20F9469CFC6C  # what older files begin with, as a pickle
_NAMESPACE = Global("argparse", "Namespace")
_STATE_DICTS = ("model", "state_dict")


def read_pth(path):
    """Reads the state dict in a file that `torch.save` wrote.

    The state dict may be the whole content, or lie under `model` or `state_dict`
    of a training checkpoint; a `module.` that all names share is dropped.

    Args:
        path: Path of the file.

    Returns:
        The format, a string; the `MappedTensors`; the training's settings (`args`),
        a dictionary.

    Raises:
        ValueError: The file is no such file, is damaged, or asks for something
            other than tensors and plain containers.
    """
    if not os.path.getsize(path):
        raise InputError(f"{path} is empty; expected a file of torch.save")
    buffer = map_file(path)
    is_zip = buffer[:4] == b"PK\x03\x04"
    content = _read_zip(buffer, path) if is_zip else _read_legacy(buffer, path)
    layout = "PyTorch, zip archive" if is_zip else "PyTorch, format before 1.6"
    tensors = _state_dict(content, path)
    arrays = {name: t.array(f"{path}: {name}") for name, t in tensors.items()}
    mapped = MappedTensors(_without_module(arrays), [buffer])
    return layout, mapped, _settings(content)


def _read_zip(buffer, path):
    archive = _Archive(buffer, path)
    if archive.has("byteorder") and bytes(archive.entry("byteorder")) != b"little":
        raise InputError(f"{path} is big-endian; expected a little-endian file")

    def find_storage(persistent_id):
        key, storage = describe_storage(persistent_id, path)
        storage.read = lambda: _elements(archive.entry(f"data/{key}"), storage, path)
        return storage

    return read_pickle(io.BytesIO(archive.entry("data.pkl")), path, find_storage)


class _Archive:
    """The entries of a zip archive as parts of the mapped file."""

    def __init__(self, buffer, path):
        self.buffer, self.path = buffer, path
        try:
            with zipfile.ZipFile(path) as archive:
                self.entries = {info.filename: info for info in archive.infolist()}
        except Exception as error:  # hostile bytes raise anything
            raise InputError(
                f"{path} is truncated or damaged: a zip archive without its directory "
                f"({error}). Copy or download it again"
            ) from error
        names = [PurePosixPath(name) for name in self.entries]
        folders = [name.parent for name in names if name.name == "data.pkl"]
        if len(folders) != 1:
            raise InputError(
                f"{path} is a zip archive, but not of torch.save: expected one "
                f"data.pkl in it. Received: {len(folders)}"
            )
        self.folder = folders[0]

    def has(self, name):
        return str(self.folder / name) in self.entries

    def entry(self, name):
        """Returns the bytes of an entry, a view."""
        if not self.has(name):
            raise InputError(f"{self.path} is damaged: it has no entry {name}")
        info = self.entries[str(self.folder / name)]
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            raise InputError(
                f"{self.path} is compressed or encrypted; expected a file as "
                "torch.save writes it"
            )
        # The entry's own header is 30 bytes, its name, and padding.
        header = _slice(self.buffer, info.header_offset, 30, self.path)
        start = info.header_offset + 30 + sum(struct.unpack("<HH", header[26:]))
        return _slice(self.buffer, start, info.file_size, self.path)


def _read_legacy(buffer, path):
    storages = {}

    def read():
        return read_pickle(
            buffer, path, lambda pid: _known_storage(storages, pid, path)
        )

    if buffer[:1] != b"\x80" or read() != _MAGIC:
        raise InputError(
            f"{path} is not a file of torch.save: it is no zip archive and does not "
            "begin with PyTorch's magic number"
        )
    _, system, content, keys = (read() for _ in range(4))
    if not (isinstance(system, dict) and system.get("little_endian", True)):
        raise InputError(f"{path} is big-endian; expected a little-endian file")
    _place(storages, keys, buffer, path)
    return content


def _known_storage(storages, persistent_id, path):
    """Returns one `Storage` a key, so that its place is told to all views."""
    key, storage = describe_storage(persistent_id, path)
    known = storages.setdefault(key, storage)
    if (known.dtype, known.size) != (storage.dtype, storage.size):
        raise InputError(f"{path} is damaged: storage {key} has two types or sizes")
    return known


def _place(storages, keys, buffer, path):
    """Finds every storage behind the pickles: its size, then its elements."""
    listed = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
    if not listed or sorted(keys) != sorted(storages):
        raise InputError(f"{path} is damaged: its storages are not those it lists")
    position = buffer.tell()
    for key in keys:
        storage = storages[key]
        (size,) = struct.unpack("<q", _slice(buffer, position, 8, path))
        if size != storage.size:
            raise InputError(
                f"{path} is damaged: storage {key} has {size} elements, but "
                f"{storage.size} are claimed"
            )
        count = size * storage.dtype.itemsize
        data = _slice(buffer, position + 8, count, path)
        storage.read = lambda data=data, s=storage: _elements(data, s, path)
        position += 8 + count


def _slice(buffer, start, count, path):
    if not 0 <= start <= start + count <= len(buffer):
        raise InputError(
            f"{path} is truncated: it has {len(buffer)} bytes, but needs "
            f"{start + count}. Copy or download it again"
        )
    return memoryview(buffer)[start : start + count]


def _elements(data, storage, path):
    if len(data) != storage.size * storage.dtype.itemsize:
        raise InputError(
            f"{path} is damaged: a storage of {storage.size} x {storage.dtype} is "
            f"claimed, but it has {len(data)} bytes"
        )
    return np.frombuffer(data, storage.dtype)


def _state_dict(content, path):
    content = content if isinstance(content, dict) else {}
    for found in (content, *(content.get(name) for name in _STATE_DICTS)):
        if isinstance(found, dict) and any(map(_is_tensor, found.values())):
            return {name: t for name, t in found.items() if _checked(name, t, path)}
    raise InputError(
        f"{path} has no state dict: expected tensors by name, or these under 'model' "
        f"or 'state_dict'. Received the keys: {list(content)[:10]}"
    )


def _is_tensor(value):
    return isinstance(value, TensorInFile)


def _checked(name, value, path):
    if isinstance(name, str) and _is_tensor(value):
        return True
    raise InputError(
        f"{path}: a state dict holds tensors by name. Received under {name!r}: "
        f"{type(value).__name__}"
    )


def _without_module(tensors):
    prefix = "module."  # of DistributedDataParallel
    shared = all(name.startswith(prefix) for name in tensors)
    return {
        name.removeprefix(prefix) if shared else name: tensor
        for name, tensor in tensors.items()
    }


def _settings(content):
    arguments = content.get("args")
    if isinstance(arguments, Inert) and arguments.cls == _NAMESPACE:
        arguments = arguments.state
    return arguments if isinstance(arguments, dict) else {}
