"""Keras models: the masked autoencoder and the systems it is measured against."""

from .mask_token_autoencoder import MaskTokenAutoencoder
from .masked_autoencoder import MaskedAutoencoder
from .vit_classifier import ViTClassifier

__all__ = ["MaskTokenAutoencoder", "MaskedAutoencoder", "ViTClassifier"]
