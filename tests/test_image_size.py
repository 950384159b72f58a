"""Which sizes may be given, and which images a model takes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mae.image_size import as_size, check_image_size


@pytest.mark.parametrize("size", [8, np.int64(8), (8, 8), [8, 8], np.array([8, 8])])
def test_size_is_a_pair_of_integers(size):
    assert as_size(size) == (8, 8)
    assert [type(side) for side in as_size(size)] == [int, int]


@pytest.mark.parametrize(
    "size", [(8, 8, 3), (8,), (8.5, 8), (0, 8), -8, 8.0, None, "8", (None, 8)]
)
def test_what_is_no_size_is_refused(size):
    with pytest.raises(ValueError, match=r"\(height, width\). Received: image_size="):
        as_size(size)


def test_images_of_the_size_are_taken():
    check_image_size(np.zeros((2, 8, 12, 3)), (8, 12))
    check_image_size(tf.zeros((2, 8, 12, 1)), (8, 12))


@pytest.mark.parametrize("shape", [(None, 12, 3), (None, None, None), (8, 12, 3)])
def test_sizes_that_a_graph_does_not_know_are_not_checked(shape):
    check_image_size(keras.Input(shape), (8, 12))
    check_image_size(tf.TensorSpec(None), (8, 12))


def test_images_with_sides_swapped_are_refused():
    match = r"height x width, 8 x 12: .* Received: 12 x 8, shape \(2, 12, 8, 3\)"
    with pytest.raises(ValueError, match=match):
        check_image_size(np.zeros((2, 12, 8, 3)), (8, 12))


def test_one_image_is_no_batch():
    with pytest.raises(ValueError, match=r"Received: shape \(8, 12, 3\)"):
        check_image_size(np.zeros((8, 12, 3)), (8, 12))
