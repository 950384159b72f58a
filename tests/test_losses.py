"""Mean errors of hidden patches."""

import numpy as np
import pytest

from keras_mae.losses import masked_mean_absolute_error, masked_mean_squared_error

TARGETS = np.float32([[[1, 3], [5, 5]], [[2, 2], [7, 7]]])
PRED = np.zeros((2, 2, 2), "float32")
MASK = np.float32([[1, 0], [1, 0]])


@pytest.mark.parametrize(
    ("error", "expected"),
    [(masked_mean_absolute_error, 2.0), (masked_mean_squared_error, 4.5)],
)
def test_hidden_patches_alone_count(error, expected):
    np.testing.assert_allclose(error(TARGETS, PRED, MASK), expected)


@pytest.mark.parametrize(
    ("error", "expected"),
    [(masked_mean_absolute_error, 4.0), (masked_mean_squared_error, 20.75)],
)
def test_all_patches_count_where_none_is_hidden(error, expected):
    np.testing.assert_allclose(error(TARGETS, PRED, 0 * MASK), expected)


def test_sample_weights_weigh_images():
    weighted = masked_mean_absolute_error(TARGETS, PRED, MASK, np.float32([0, 3]))
    np.testing.assert_allclose(weighted, 2.0)
    squared = masked_mean_squared_error(TARGETS, PRED, MASK, np.float32([3, 0]))
    np.testing.assert_allclose(squared, 5.0)
