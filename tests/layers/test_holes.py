import numpy as np
import pytest

from keras_mae import Preprocessing
from keras_mae.layers.holes import fill_holes, hole_value


def test_hidden_pixels_get_the_colour_whatever_they_held():
    images = np.full((1, 1, 3, 2), np.nan, "float32")
    images[0, 0, 0] = [1, 2]
    hidden = np.float32([0, 1, 1]).reshape(1, 1, 3, 1)
    filled = fill_holes(images, hidden, np.float32([7, 8]))
    np.testing.assert_array_equal(filled, [[[[1, 2], [7, 8], [7, 8]]]])


def test_the_mean_is_zero_once_normalised():
    preprocessing = Preprocessing(8, 3)
    np.testing.assert_array_equal(hole_value(None, preprocessing), [0, 0, 0])


@pytest.mark.parametrize("fill", [(0, 127.5, 255), [0, 127.5, 255]])
def test_pixel_values_are_normalised_channel_by_channel(fill):
    preprocessing = Preprocessing(8, 3, mean=0.5, std=(0.5, 0.5, 0.25))
    np.testing.assert_allclose(hole_value(fill, preprocessing), [-1, 0, 2], atol=1e-6)


def test_one_value_is_for_all_channels():
    value = hole_value(255, Preprocessing(8, 2, mean=0.5, std=0.5))
    np.testing.assert_array_equal(value, [1, 1])


def test_values_must_be_as_many_as_channels():
    with pytest.raises(ValueError, match=r"one pixel value or one a channel \(3\)"):
        hole_value((1, 2), Preprocessing(8, 3))
