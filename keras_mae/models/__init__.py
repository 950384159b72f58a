"""Keras models: the masked autoencoder and the systems it is measured against."""

from .masked_autoencoder import MaskedAutoencoder
from .vit_classifier import ViTClassifier

__all__ = ["MaskedAutoencoder", "ViTClassifier"]
