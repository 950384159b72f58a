"""The tensors of a file to write: the rows of the copier, turned round."""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ..layers import ViTEncoder
from ..models import MaskedAutoencoder, ViTClassifier
from ..program import InputError
from .layouts import to_original
from .rows import named_variables


@dataclasses.dataclass(frozen=True)
class Outgoing:
    """One variable as the tensors of a file, nothing copied yet.

    Attributes:
        keys: Names of the tensors in the file.
        dtype: Their `np.dtype`.
        shape: The shape of each.
        read: Function without arguments; returns their arrays.
    """

    keys: tuple
    dtype: np.dtype
    shape: tuple
    read: Callable


def outgoing(model, spelling):
    """Returns the `Outgoing` of every variable of a model, in the spelling's names.

    Raises:
        ValueError: The model is none that weight files hold.
    """
    if not isinstance(model, ViTEncoder | MaskedAutoencoder | ViTClassifier):
        raise InputError(
            "expected a MaskedAutoencoder, a ViTClassifier or a ViTEncoder; any other "
            f"model is saved as .keras alone. Received: {type(model).__name__}"
        )
    patch_size = getattr(model, "encoder", model).patch_size
    return [
        _outgoing(spelling.keys(name), name, variable, patch_size)
        for name, variable in named_variables(model).items()
    ]


def _outgoing(keys, name, variable, patch_size):
    def read():
        value = to_original(name, variable.numpy(), patch_size)
        return np.split(value, len(keys))  # queries, keys, values

    dtype = np.dtype(tf.as_dtype(variable.dtype).as_numpy_dtype)
    # Takes no memory: one element, whatever the shape.
    empty = np.broadcast_to(np.zeros((), dtype), variable.shape)
    first, *others = to_original(name, empty, patch_size).shape
    return Outgoing(keys, dtype, (first // len(keys), *others), read)
