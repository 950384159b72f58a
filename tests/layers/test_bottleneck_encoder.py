import keras
import numpy as np
import pytest

from keras_mae.layers import BottleneckEncoder

from ..checks import check_model

TINY = {"image_size": (8, 12), "filters": (4, 6), "bottleneck": 5}


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(4, 8, 12, 3)).astype("float32")


def test_encoder_is_a_keras_model(images):
    fit_data = (images, np.ones((4, 1, 5)))
    check_model(BottleneckEncoder, TINY, images, fit_data, loss="mse")


def test_defaults_are_the_papers():
    encoder = BottleneckEncoder()
    assert encoder.map_size == (4, 4)
    assert encoder(keras.Input((128, 128, 3))).shape == (None, 1, 4000)
    kernels = [tuple(layer.kernel.shape) for layer in encoder.convolutions]
    assert kernels == [
        (4, 4, 3, 64),
        (4, 4, 64, 64),
        (4, 4, 64, 128),
        (4, 4, 128, 256),
        (4, 4, 256, 512),
        (4, 4, 512, 4000),
    ]
    assert all(layer.bias is None for layer in encoder.convolutions)
    assert len(encoder.norms) == 5  # the first convolution has none


def test_first_weights_are_normal():
    keras.utils.set_random_seed(0)
    encoder = BottleneckEncoder()
    kernel, gamma = encoder.convolutions[-1].kernel, encoder.norms[-1].gamma
    np.testing.assert_allclose([np.mean(kernel), np.std(kernel)], [0, 0.02], atol=1e-3)
    np.testing.assert_allclose([np.mean(gamma), np.std(gamma)], [1, 0.02], atol=2e-3)


def test_the_feature_is_the_bottleneck(images):
    encoder = BottleneckEncoder(**TINY)
    np.testing.assert_array_equal(encoder.features(images), encoder(images)[:, 0])


def test_sizes_are_multiples_of_the_strides():
    with pytest.raises(ValueError, match="must be multiples of 32, 2 for each of"):
        BottleneckEncoder(112)


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"8 x 12: .* Received: 12 x 8"):
        BottleneckEncoder(**TINY)(np.zeros((2, 12, 8, 3), "float32"))
