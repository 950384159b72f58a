"""A tiny masked autoencoder."""

import keras
import pytest

import keras_mae


@pytest.fixture
def mae():
    """Returns a function that makes an autoencoder of 4 x 4 patches."""

    def make(**overrides):
        keras.utils.set_random_seed(0)
        sizes = {"image_size": 16, "patch_size": 4, "embed_dim": 16}
        decoder = {"decoder_embed_dim": 8, "decoder_depth": 1, "decoder_num_heads": 2}
        return keras_mae.MaskedAutoencoder(
            **{**sizes, **decoder, **overrides}, depth=1, num_heads=2
        )

    return make
