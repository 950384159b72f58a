import numpy as np
import pytest

from keras_mae.layers import AlexNetEncoder, ContextDecoder

from ..checks import check_layer

SIZES = [(2, 3), (4, 6), (9, 13)]  # by 2, and by 2 and 1 more


def maps():
    return np.random.default_rng(0).normal(size=(2, 2, 3, 4)).astype("float32")


def test_decoder_is_a_keras_layer():
    config = {"sizes": SIZES, "num_channels": 3, "filters": (5,)}
    check_layer(ContextDecoder, config, maps())


def test_it_ends_at_the_size_of_the_image():
    decoder = ContextDecoder(AlexNetEncoder(67).sizes[::-1], 3, (4, 4, 4, 4))
    assert decoder(np.zeros((1, 1, 1, 8), "float32")).shape == (1, 67, 67, 3)


def test_every_pixel_depends_on_every_place_of_the_map():
    decoder = ContextDecoder(SIZES, 1, (5,))
    before = np.array(decoder(maps()))
    moved = maps()
    moved[:, 0, 0] += 1.0
    share = np.mean(np.array(decoder(moved)) != before)
    assert share > 0.9  # ReLU may hide a change


def test_filters_must_be_one_an_up_convolution_but_the_last():
    with pytest.raises(ValueError, match="must be 1, one an up-convolution but the"):
        ContextDecoder(SIZES, 3, (5, 5))
