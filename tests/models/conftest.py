"""Tiny models of non-square images."""

import numpy as np
import pytest

import keras_mae

TINY = {
    "image_size": (16, 24),
    "patch_size": 8,
    "embed_dim": 16,
    "depth": 1,
    "num_heads": 2,
    "decoder_embed_dim": 8,
    "decoder_depth": 1,
    "decoder_num_heads": 2,
    "mask_ratio": 0.5,
}


@pytest.fixture
def tiny():
    """Returns a function that makes a tiny `MaskedAutoencoder` of 2 x 3 patches."""
    return lambda **overrides: keras_mae.MaskedAutoencoder(**{**TINY, **overrides})


@pytest.fixture
def images():
    """Four images of 16 x 24 px."""
    return np.random.default_rng(0).normal(size=(4, 16, 24, 3)).astype("float32")
