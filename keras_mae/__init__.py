"""Masked autoencoders for Keras 3 on TensorFlow."""

import keras as _keras

if _keras.backend.backend() != "tensorflow":
    raise ImportError(
        "keras_mae runs on TensorFlow alone, but Keras is set to "
        f"{_keras.backend.backend()!r}: set KERAS_BACKEND=tensorflow before "
        "importing keras."
    )

from . import layers, optimizers
from .layers import ViTEncoder
from .models import (
    ContextEncoder,
    ContextInpainter,
    ConvClassifier,
    MaskedAutoencoder,
    MaskTokenAutoencoder,
    ViTClassifier,
)
from .preprocessing import Preprocessing
from .presets import list_presets
from .version import __version__
from .weights import load, save

__all__ = [
    "ContextEncoder",
    "ContextInpainter",
    "ConvClassifier",
    "MaskTokenAutoencoder",
    "MaskedAutoencoder",
    "Preprocessing",
    "ViTClassifier",
    "ViTEncoder",
    "__version__",
    "layers",
    "list_presets",
    "load",
    "optimizers",
    "save",
]
