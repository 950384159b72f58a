"""Keras models: the masked autoencoder and the systems it is measured against."""

from .context_encoder import ContextEncoder
from .context_inpainter import ContextInpainter
from .conv_classifier import ConvClassifier
from .mask_token_autoencoder import MaskTokenAutoencoder
from .masked_autoencoder import MaskedAutoencoder
from .vit_classifier import ViTClassifier

__all__ = [
    "ContextEncoder",
    "ContextInpainter",
    "ConvClassifier",
    "MaskTokenAutoencoder",
    "MaskedAutoencoder",
    "ViTClassifier",
]
