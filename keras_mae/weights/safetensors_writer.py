"""Writes safetensors files, one tensor in memory at a time."""

import json
import math

import numpy as np

from .safetensors import DTYPES

_NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}
_ALIGNMENT = 8  # of the data's beginning, as the format's own library writes it


def write_safetensors(path, tensors, metadata, progress=iter):
    """Writes one safetensors file.

    Args:
        path: Path of the file.
        tensors: List of `Outgoing`.
        metadata: Dictionary of strings.
        progress: Function that passes the list on while it is written.
    """
    header = json.dumps(_header(tensors, metadata)).encode()
    header += b" " * (-len(header) % _ALIGNMENT)
    with open(path, "wb") as file:
        file.write(len(header).to_bytes(8, "little"))
        file.write(header)
        for tensor in progress(tensors):
            for array in tensor.read():
                # As bytes: Python has no buffers of bfloat16.
                file.write(np.ascontiguousarray(array).reshape(-1).view("uint8"))


def _header(tensors, metadata):
    header, end = {"__metadata__": metadata}, 0
    for tensor in tensors:
        size = math.prod(tensor.shape) * tensor.dtype.itemsize
        for key in tensor.keys:
            header[key] = {
                "dtype": _NAMES[tensor.dtype],
                "shape": tensor.shape,
                "data_offsets": [end, end + size],
            }
            end += size
    return header
