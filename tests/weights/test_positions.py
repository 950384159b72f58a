import math

import numpy as np
import pytest
import tensorflow as tf

from keras_mae.layers import sincos_positions
from keras_mae.program import InputError
from keras_mae.weights.positions import fit_positions, resize_bicubic

GRID = np.random.default_rng(0).normal(size=(4, 4, 8)).astype("float32")


def table_of(patches, row=0.0):
    """Returns positions with a class token's row, `(1, 1 + L, D)`."""
    patches = patches.reshape(-1, patches.shape[-1])
    return np.concatenate([np.full_like(patches[:1], row), patches])[None]


def cubic(x, a=-0.75):
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def resized_by_loops(grid, size):
    """The formula, pixel by pixel and tap by tap."""
    (rows, columns), result = grid.shape[:2], np.zeros((*size, grid.shape[-1]))
    for r, c in np.ndindex(*size):
        y, x = (r + 0.5) * rows / size[0] - 0.5, (c + 0.5) * columns / size[1] - 0.5
        for i in range(math.floor(y) - 1, math.floor(y) + 3):
            for j in range(math.floor(x) - 1, math.floor(x) + 3):
                source = grid[min(max(i, 0), rows - 1), min(max(j, 0), columns - 1)]
                result[r, c] += cubic(y - i) * cubic(x - j) * source
    return result


@pytest.mark.parametrize("size", [(4, 4), (7, 5), (2, 3), (8, 8), (1, 9)])
def test_bicubic_is_the_formula(size):
    resized = resize_bicubic(GRID, size)
    np.testing.assert_allclose(resized, resized_by_loops(GRID, size), atol=1e-6)


def test_bicubic_is_pytorchs_and_not_tensorflows():
    impulse = np.array([[[0], [1], [0], [0]]], "float32")
    resized = resize_bicubic(impulse, (1, 8))[0, :, 0]
    # Half-way taps: the kernel at distances 3/4, 1/4 and 5/4, by hand for a = -3/4.
    np.testing.assert_allclose(resized[2:4], [0.87890625, 0.87890625], atol=1e-6)
    np.testing.assert_allclose(resized[1], 0.26171875, atol=1e-6)
    theirs = tf.image.resize(impulse[None], (1, 8), "bicubic")[0, 0, :, 0]
    assert np.abs(theirs - resized).max() > 0.01


def test_sincos_positions_are_computed_anew():
    table = table_of(sincos_positions(8, (4, 4)))
    fitted, note = fit_positions(table, (2, 6), "a.pth")
    np.testing.assert_array_equal(fitted, table_of(sincos_positions(8, (2, 6))))
    assert note == "sin-cos positions computed anew: (4, 4) to (2, 6)"


@pytest.mark.parametrize("dtype", ["float16", tf.bfloat16.as_numpy_dtype])
def test_sincos_positions_are_known_in_half_precision(dtype):
    table = table_of(sincos_positions(8, (4, 4)).astype(dtype))
    fitted, note = fit_positions(table, (2, 8), "a.pth")
    np.testing.assert_array_equal(fitted, table_of(sincos_positions(8, (2, 8))))
    assert note.startswith("sin-cos")


def test_learned_positions_are_resized_and_the_class_tokens_row_stays():
    fitted, note = fit_positions(table_of(GRID, row=5.0), (6, 3), "a.pth")
    expected = table_of(resize_bicubic(GRID, (6, 3)), row=5.0)
    np.testing.assert_array_equal(fitted, expected)
    assert note == "learned positions resized, bicubic: (4, 4) to (6, 3)"


@pytest.mark.parametrize("grid_size", [(4, 4), (2, 8)])
def test_learned_positions_of_as_many_patches_stay(grid_size):
    fitted, note = fit_positions(table_of(GRID), grid_size, "a.pth")
    np.testing.assert_array_equal(fitted, table_of(GRID))
    assert note == ""


def test_positions_of_an_unknown_grid_cannot_be_changed():
    with pytest.raises(InputError, match="a.pth holds positions of 12 patches, no sq"):
        fit_positions(table_of(GRID[:3]), (4, 4), "a.pth")


def test_known_grid_is_not_guessed():
    patches = sincos_positions(8, (2, 8))  # as many as of (4, 4)
    fitted, _ = fit_positions(table_of(patches), (4, 4), "a.keras", source=(2, 8))
    np.testing.assert_allclose(fitted[0, 1:], sincos_positions(8, (4, 4)))
