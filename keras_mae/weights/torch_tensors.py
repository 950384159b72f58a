"""PyTorch's tensors as a file describes them: a storage, and a view into it.

Descriptions come from a pickle, so nothing in them is believed: a view is checked
against the bytes of its storage before anything is read.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ..program import InputError
from .counts import are_counts, is_shape

_BFLOAT16 = tf.bfloat16.as_numpy_dtype
STORAGE_TYPES = {
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": _BFLOAT16,
    "DoubleStorage": "float64",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
# Names of element types, which settings may hold; no data is read by them.
ELEMENT_TYPES = ("float32", "float16", "bfloat16", "float64")
ELEMENT_TYPES += ("int64", "int32", "int16", "int8", "uint8", "bool")


@dataclasses.dataclass(eq=False)
class Storage:
    """A row of elements in a file.

    Attributes:
        dtype: The elements' `np.dtype`.
        size: Integer. Number of elements that the file claims.
        read: Function without arguments that returns them, checked against the
            file, as a 1-D array.
    """

    dtype: np.dtype
    size: int
    read: Callable = None


@dataclasses.dataclass(eq=False)
class TensorInFile:
    """A view into a `Storage`: offset and strides count elements."""

    storage: Storage
    offset: int
    shape: tuple
    strides: tuple

    def array(self, place):
        """Returns the elements as an array that shares the file's memory.

        Args:
            place: String, the file and tensor, for errors.

        Raises:
            ValueError: The view leaves its storage, or has more elements.
        """
        self._check(place)
        elements = self.storage.read()[self.offset :]
        if not math.prod(self.shape):
            return np.zeros(self.shape, self.storage.dtype)
        steps = zip(self.shape, self.strides, strict=True)
        # Strides of single places mean nothing, and may be of any size.
        strides = [stride * elements.itemsize * (n > 1) for n, stride in steps]
        return np.lib.stride_tricks.as_strided(elements, self.shape, strides)

    def _check(self, place):
        count = math.prod(self.shape)
        steps = zip(self.shape, self.strides, strict=True)
        last = self.offset + sum((n - 1) * stride for n, stride in steps)
        # More elements than the storage has: a few bytes that claim to be gigabytes.
        if count and (last >= self.storage.size or count > self.storage.size):
            raise InputError(
                f"{place} is damaged: a tensor must lie inside its storage of "
                f"{self.storage.size} elements. Received: offset={self.offset}, "
                f"shape={self.shape}, strides={self.strides}"
            )


def rebuild_tensor(storage, offset, shape, strides, *_):
    """Describes a tensor as `torch._utils._rebuild_tensor_v2` would make it."""
    shape, strides = tuple(shape), tuple(strides)
    if not isinstance(storage, Storage):
        raise ValueError("a tensor without storage")
    if not is_shape(shape) or not are_counts((offset, *strides)):
        raise ValueError("offset, shape and strides of a tensor must be counts")
    if len(shape) != len(strides):
        raise ValueError("shape and strides of a tensor differ in length")
    return TensorInFile(storage, offset, shape, strides)


def rebuild_parameter(data, *_):
    """Describes a parameter: its tensor."""
    return data


def describe_storage(persistent_id, path):
    """Returns the `Storage` of a persistent id and its key, nothing read yet.

    Raises:
        ValueError: The id is not one that `torch.save` writes.
    """
    kind, storage_type, key, _, size, *view = persistent_id
    dtype = STORAGE_TYPES.get(getattr(storage_type, "name", None))
    if kind != "storage" or dtype is None or any(view):
        name = getattr(storage_type, "name", "no type")
        raise InputError(
            f"{path} holds a storage that cannot be read ({name}); expected one of "
            f"{sorted(STORAGE_TYPES)}"
        )
    if not isinstance(key, str) or not are_counts([size]):
        raise ValueError("a storage must have a name and a size")
    return key, Storage(np.dtype(dtype), size)
