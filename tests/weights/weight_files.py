"""Writes weight files for tests: as `torch.save` does, without PyTorch; safetensors."""

import argparse
import dataclasses
import json
import struct
import zipfile

import numpy as np

STORAGES = {"float32": "Float", "float16": "Half", "bfloat16": "BFloat16"}
STORAGES |= {"int64": "Long", "float64": "Double"}
MAGIC = 0x1950A86A20F9469CFC6C


@dataclasses.dataclass
class Call:
    """A call of a global, whose result may be given a state."""

    name: str  # "module name"
    arguments: tuple = ()
    state: object = None


@dataclasses.dataclass
class View:
    """A tensor: a view into a 1-D array, which is its storage."""

    storage: np.ndarray
    shape: tuple
    strides: tuple
    offset: int = 0
    claimed: int | None = None  # size of the storage, if not the true one


def view(array):
    """Returns an array as a contiguous `View` into a storage of its own."""
    strides = [stride // array.itemsize for stride in array.strides]
    return View(array.reshape(-1), array.shape, tuple(strides))


def views(arrays):
    """Returns arrays by name as `View`s by name."""
    return {name: view(np.ascontiguousarray(a)) for name, a in arrays.items()}


def save_safetensors(path, arrays):
    """Writes float32 arrays by name."""
    header, end = {}, 0
    for name, array in arrays.items():
        offsets = [end, end + array.nbytes]
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": offsets}
        end = offsets[1]
    text = json.dumps(header).encode()
    data = b"".join(array.tobytes() for array in arrays.values())
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def save_zip(path, content, storages=None, folder="archive"):
    """Writes the format of PyTorch 1.6 and later."""
    storages = {} if storages is None else storages
    data = pickled(content, storages)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{folder}/data.pkl", data)
        archive.writestr(f"{folder}/byteorder", "little")
        for key, array in storages.items():
            archive.writestr(f"{folder}/data/{key}", array.tobytes())


def save_legacy(path, content):
    """Writes the format before PyTorch 1.6."""
    storages = {}
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    body = pickled(content, storages)
    head = [pickled(value) for value in (MAGIC, 1001, system)]
    parts = [*head, body, pickled(list(storages))]
    for array in storages.values():
        parts += [struct.pack("<q", array.size), array.tobytes()]
    path.write_bytes(b"".join(parts))


def pickled(value, storages=None):
    """Returns a value as a pickle of protocol 2; fills `storages` by key."""
    return b"\x80\x02" + _opcodes(value, {} if storages is None else storages) + b"."


def _opcodes(value, storages):
    if value is None or isinstance(value, bool):
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, int):
        data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return b"\x8a" + bytes([len(data)]) + data
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str):
        return b"X" + struct.pack("<I", len(value.encode())) + value.encode()
    if isinstance(value, tuple | list):
        items = b"".join(_opcodes(item, storages) for item in value)
        return b"(" + items + (b"t" if isinstance(value, tuple) else b"l")
    if isinstance(value, dict):
        items = b"".join(
            _opcodes(part, storages) for kv in value.items() for part in kv
        )
        return b"}(" + items + b"u"
    if isinstance(value, argparse.Namespace):
        cls = b"cargparse\nNamespace\n)\x81"
        return cls + _opcodes(vars(value), storages) + b"b"
    if isinstance(value, Call):
        function = "c{}\n{}\n".format(*value.name.rsplit(" ", 1)).encode()
        call = function + _opcodes(value.arguments, storages) + b"R"
        state = value.state
        return call if state is None else call + _opcodes(state, storages) + b"b"
    return _view(value, storages)


def _view(tensor, storages):
    keys = {id(array): key for key, array in storages.items()}
    key = keys.get(id(tensor.storage), str(len(storages)))
    storages[key] = tensor.storage
    kind = f"ctorch\n{STORAGES[tensor.storage.dtype.name]}Storage\n".encode()
    size = tensor.storage.size if tensor.claimed is None else tensor.claimed
    names = [_opcodes(value, storages) for value in ("storage", key, "cuda:0", size)]
    storage = b"(" + names[0] + kind + b"".join(names[1:]) + b"tQ"
    parts = (tensor.offset, tensor.shape, tensor.strides, False)
    arguments = b"".join(_opcodes(part, storages) for part in parts)
    hooks = _opcodes(Call("collections OrderedDict"), storages)
    call = b"(" + storage + arguments + hooks + b"tR"
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + call
