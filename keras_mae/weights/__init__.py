"""Weights in and out."""

from .load import encoder_of, load, load_encoder

__all__ = ["encoder_of", "load", "load_encoder"]
