"""Tiny models whose every weight is random: none is 0 or 1, or like another."""

import numpy as np

import keras_mae

TINY = {
    "image_size": 16,
    "patch_size": 8,
    "embed_dim": 16,
    "depth": 2,
    "num_heads": 4,
    "decoder_embed_dim": 8,
    "decoder_depth": 1,
    "decoder_num_heads": 2,
}
ENCODER = {name: value for name, value in TINY.items() if "decoder" not in name}


def randomised(model):
    """Returns the model with random weights, which no initialiser made."""
    random = np.random.default_rng(0)
    for variable in model.weights:
        variable.assign(random.normal(size=variable.shape))
    return model


def autoencoder(**overrides):
    return randomised(keras_mae.MaskedAutoencoder(**{**TINY, **overrides}))


def encoder(**overrides):
    return randomised(keras_mae.ViTEncoder(**{**ENCODER, **overrides}))


def classifier(pooling="token", **overrides):
    model = keras_mae.ViTClassifier.from_encoder(encoder(**overrides), 3, pooling)
    return randomised(model)


def images_for(model, count=2):
    """Returns normalised images of the model's size."""
    preprocessing = model.preprocessing
    shape = (count, *preprocessing.image_size, preprocessing.num_channels)
    return np.random.default_rng(1).normal(size=shape).astype("float32")
