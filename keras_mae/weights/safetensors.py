"""Opens safetensors files: 8 bytes of header length, a JSON header, the data.

One file, or shards with an index. The file is mapped into memory, so that tensors
are read when they are used.
"""

import json
import math
from pathlib import Path

import numpy as np
import tensorflow as tf

from ..program import InputError
from .counts import are_counts, is_shape
from .mapped import MappedTensors, map_file

DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": tf.bfloat16.as_numpy_dtype,
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}
_LONGEST_HEADER = 100_000_000  # the format's own limit


def read_safetensors(path):
    """Reads one safetensors file.

    Args:
        path: Path of the file.

    Returns:
        The `MappedTensors`, and the metadata, a dictionary of strings.

    Raises:
        ValueError: The header is damaged, or does not describe the file's bytes
            one by one, without gaps and overlaps.
    """
    path = Path(path)
    if path.stat().st_size < 8:
        raise InputError(f"{path} is truncated: a safetensors file has 8 bytes or more")
    buffer = map_file(path)
    length = int.from_bytes(buffer[:8], "little")
    if length > min(len(buffer) - 8, _LONGEST_HEADER):
        raise InputError(
            f"{path} is truncated or no safetensors file: it claims a header of "
            f"{length} bytes, but has {len(buffer)} bytes"
        )
    header = parse_json(buffer[8 : 8 + length], path)
    metadata = header.pop("__metadata__", {})
    data = np.frombuffer(buffer, "uint8")[8 + length :]
    tensors = MappedTensors(_tensors(header, data, path), [buffer])
    return tensors, metadata if isinstance(metadata, dict) else {}


def read_shards(index):
    """Reads all shards that a `*.safetensors.index.json` names.

    Args:
        index: Path of the index.

    Returns:
        The `MappedTensors`.

    Raises:
        ValueError: A shard is missing or damaged, or holds other tensors than the
            index says.
    """
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise InputError(f"{index} has no weight_map, which tells each tensor's shard")
    tensors, buffers = {}, []
    for shard in sorted(set(map(str, places.values()))):
        found, _ = read_safetensors(_shard(index, shard))
        listed = {name for name, place in places.items() if place == shard}
        if listed != set(found):
            raise InputError(
                f"{index} and {shard} disagree about these tensors: "
                f"{sorted(listed ^ set(found))[:8]}"
            )
        tensors.update(found)
        buffers += found.buffers
    return MappedTensors(tensors, buffers)


def read_json(path):
    """Returns the dictionary in a JSON file."""
    return parse_json(Path(path).read_bytes(), path)


def _shard(index, name):
    path = Path(index).parent / name
    if Path(name).name != name:
        raise InputError(f"{index} names a shard outside its folder: {name}")
    if not path.is_file():
        raise InputError(f"{index} names a shard that is missing: {path}")
    return path


def parse_json(text, path):
    """Returns the dictionary in a file's bytes of JSON, or says that it is none."""
    try:
        content = json.loads(text.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged: its JSON cannot be read ({error})") from (
            error
        )
    if not isinstance(content, dict):
        raise InputError(f"{path} is damaged: expected a JSON object")
    return content


def _unique(pairs):
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a name appears twice")
    return content


def _tensors(header, data, path):
    entries = [(name, *_entry(name, entry, path)) for name, entry in header.items()]
    size = max((entry[-1] for entry in entries), default=0)
    if size != len(data):
        raise InputError(
            f"{path} is truncated or damaged: its tensors take {size} bytes, but it "
            f"has {len(data)}"
        )
    end, tensors = 0, {}
    for name, dtype, shape, start, stop in sorted(entries, key=lambda e: e[3:]):
        if start != end or stop - start != math.prod(shape) * dtype.itemsize:
            raise InputError(
                f"{path} is damaged: {name} should begin at byte {end} and hold "
                f"{shape} x {dtype}. Received: bytes {start} to {stop}"
            )
        tensors[name], end = data[start:stop].view(dtype).reshape(shape), stop
    return tensors


def _entry(name, entry, path):
    entry = entry if isinstance(entry, dict) else {}
    dtype, shape = entry.get("dtype"), entry.get("shape")
    offsets = entry.get("data_offsets")
    if isinstance(dtype, str) and dtype not in DTYPES:
        raise InputError(
            f"{path}: {name} has elements of type {dtype}; expected one of "
            f"{sorted(DTYPES)}"
        )
    lists = isinstance(shape, list) and isinstance(offsets, list)
    counts = lists and is_shape(shape) and are_counts(offsets)
    if not isinstance(dtype, str) or not counts or len(offsets) != 2:
        raise InputError(
            f"{path} is damaged: {name} must have dtype, shape and data_offsets. "
            f"Received: {sorted(entry)[:8]}"
        )
    return np.dtype(DTYPES[dtype]), tuple(shape), *offsets
