import math

import keras
import numpy as np
import pytest

from keras_mae.layers import AlexNetEncoder
from keras_mae.program import InputError

from ..checks import check_model

TINY = {
    "image_size": (8, 12),
    "filters": (4, 6),
    "kernel_sizes": (3, 3),
    "strides": (1, 1),
    "pooled": (True, True),
    "pool_size": 2,
}


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(2, 8, 12, 3)).astype("float32")


def test_encoder_is_a_keras_model(images):
    keras.utils.set_random_seed(0)  # a filter may be dead at birth
    check_model(AlexNetEncoder, TINY, images, (images, np.ones((2, 6, 6))), loss="mse")


def test_tokens_are_the_places_of_the_map_row_by_row(images):
    encoder = AlexNetEncoder(**TINY)
    assert encoder.grid_size == (2, 3)
    assert encoder.embed_dim == 6
    tokens = np.array(encoder(images))
    np.testing.assert_array_equal(tokens[:, 4], encoder.maps(images)[:, 1, 1])


def test_features_are_the_mean_of_the_map(images):
    encoder = AlexNetEncoder(**TINY)
    expected = np.mean(encoder(images), axis=1)
    np.testing.assert_allclose(encoder.features(images), expected, atol=1e-6)


def test_there_is_no_class_token_to_pool(images):
    encoder = AlexNetEncoder(**TINY)
    with pytest.raises(InputError, match="has no class token: pooling must be 'gap'"):
        encoder.features(images, "token")


def test_defaults_are_alexnets_up_to_pool5():
    encoder = AlexNetEncoder()
    assert encoder.sizes == [(n, n) for n in (227, 113, 55, 27, 13, 6)]
    assert encoder.embed_dim == 256
    kernels = [math.prod(layer.kernel.shape) for layer in encoder.convolutions]
    assert kernels == [34_848, 614_400, 884_736, 1_327_104, 884_736]
    symbolic = encoder(keras.Input((227, 227, 3)))
    assert symbolic.shape == (None, 36, 256)


@pytest.mark.parametrize("size", [67, 99, (195, 259)])
def test_other_sizes_that_leave_no_remainder_fit(size):
    height, width = np.broadcast_to(size, 2)
    rows, columns = AlexNetEncoder(size, filters=(2, 2, 2, 2, 2)).grid_size
    assert (32 * rows + 35, 32 * columns + 35) == (height, width)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"image_size": 224}, r"224 is not, the nearest are \[195, 227\]"),
        ({"image_size": (227, 5)}, r"5 is not, the nearest are \[67, 99\]"),
        ({"filters": (4, 4)}, "must have one value a convolution"),
        ({"strides": (2, 1, 1, 1, 1)}, "must be 1, or 4 with a kernel of"),
        ({"kernel_sizes": (8, 5, 3, 3, 3)}, "must be 1, or 4 with a kernel of"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(overrides, message):
    with pytest.raises(ValueError, match=message):
        AlexNetEncoder(**overrides)
