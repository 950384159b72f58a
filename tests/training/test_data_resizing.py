import numpy as np
import pytest
import tensorflow as tf

from keras_mae.preprocessing import Preprocessing
from training.data.resizing import resize


def noise(*shape, dtype="uint8"):
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize(
    "shape", [(50, 70, 3), (7, 5, 3), (1, 1, 3), (24, 16, 1), (40, 9, 4)]
)
def test_numbers_are_those_of_the_preprocessing(shape, interpolation):
    preprocessing = Preprocessing((24, 16), interpolation=interpolation)
    pixels = noise(*shape)
    resized = resize(pixels, (24, 16), interpolation)
    assert resized.shape == (24, 16, shape[2])
    np.testing.assert_allclose(
        resized, preprocessing.resize(pixels, (24, 16)), atol=1e-4
    )


def test_same_size_leaves_pixels_as_they_are():
    pixels = noise(6, 5, 3)
    np.testing.assert_allclose(resize(pixels, (6, 5)), pixels, atol=1e-4)


def test_floats_are_resized_like_bytes():
    pixels = noise(9, 8, 3)
    np.testing.assert_array_equal(
        resize(pixels.astype("float32"), (4, 4)), resize(pixels, (4, 4))
    )


def test_overshoot_is_clipped():
    edge = np.repeat(np.uint8([[0, 255]]), 6, axis=1)  # 0 on the left, 255 on the right
    resized = resize(np.tile(edge[..., None], (12, 1, 1)), (31, 31)).numpy()
    assert (resized.min(), resized.max()) == (0, 255)


def test_sizes_known_only_when_run_are_resized():
    graph = tf.function(
        lambda pixels: resize(pixels, (8, 8)),
        input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)],
    )
    pixels = noise(11, 13, 3)
    np.testing.assert_array_equal(graph(pixels), resize(pixels, (8, 8)))
