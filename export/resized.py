"""Copies of models for images of another size."""

from keras_mae.layers.patches import grid_of
from keras_mae.preprocessing import Preprocessing
from keras_mae.program import checking_input
from keras_mae.weights import encoder_of
from keras_mae.weights.positions import fit_positions

from .encoder import copy


def resized(model, image_size):
    """Returns a copy of a model that takes images of another size, with its weights.

    Sin-cos positions are computed anew, trained ones are resized (bicubic).

    Args:
        model: `ViTEncoder`, `ViTClassifier` or `MaskedAutoencoder`.
        image_size: Integer or `(height, width)`, multiples of the patch size.

    Raises:
        InputError: The size does not fit the patches.
    """
    encoder = encoder_of(model)
    with checking_input():
        grid_size = grid_of(image_size, encoder.patch_size)
    weights = [
        _fitted(weight.numpy(), encoder.grid_size, grid_size)
        if weight.path.endswith("/pos_embed")
        else weight.numpy()
        for weight in model.weights
    ]
    config = {**encoder.preprocessing.get_config(), "image_size": image_size}
    changed = {"image_size": image_size, "preprocessing": Preprocessing(**config)}
    return copy(model, weights, **changed)


def _fitted(table, source, target):
    return fit_positions(table, target, "the model", source)[0]
