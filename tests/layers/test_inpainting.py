import math

import numpy as np

from keras_mae.layers import Discriminator, InpaintingDecoder

from ..checks import check_layer


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_decoder_is_a_keras_layer():
    config = {"map_size": (1, 2), "num_channels": 3, "filters": (6, 4)}
    check_layer(InpaintingDecoder, config, normal(3, 1, 1, 5))


def test_discriminator_is_a_keras_layer():
    inputs = normal(3, 8, 4, 3)
    check_layer(Discriminator, {"filters": (4, 6)}, inputs, stays_float32=("output",))


def test_pictures_are_the_map_doubled_by_every_filter():
    decoder = InpaintingDecoder((4, 4), 3, (512, 256, 128, 64))
    decoder.build((None, 1, 1, 4000))
    assert decoder.compute_output_shape((None,)) == (None, 64, 64, 3)
    kernels = [math.prod(layer.kernel.shape) for layer in decoder.up_convolutions]
    expected = [4000 * 512, 512 * 256, 256 * 128, 128 * 64, 64 * 3]
    assert kernels == [16 * pair for pair in expected]


def test_pictures_lie_in_the_range_of_tanh():
    decoder = InpaintingDecoder((2, 2), 3, (4,))
    pictures = np.array(decoder(1e4 * normal(2, 1, 1, 5)))
    assert pictures.shape == (2, 4, 4, 3)
    assert np.abs(pictures).max() <= 1


def test_a_picture_is_judged_by_itself_outside_training():
    judge, pictures = Discriminator((4, 6)), normal(3, 8, 8, 3)
    alone = judge(pictures[:1])
    np.testing.assert_allclose(judge(pictures)[:1], alone, atol=1e-6)
