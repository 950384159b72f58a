"""Position embeddings for other grids than the file's."""

import math

import ml_dtypes
import numpy as np

from ..layers import sincos_positions
from ..program import InputError

_A = -0.75  # of PyTorch's cubic convolution; TensorFlow's is -0.5


def fit_positions(table, grid_size, path, source=None):
    """Returns a file's positions for a grid, and what was done to them.

    Sin-cos positions are computed anew; learned ones are resized as PyTorch does,
    bicubic, unless the grid has as many patches as the file's. The class token's
    row stays as it is.

    Args:
        table: Array `(1, 1 + rows * columns, dim)`, of a square grid unless its
            number of patches is that of `grid_size`.
        grid_size: `(rows, columns)`.
        path: Path of the file, for errors.
        source: `(rows, columns)` of the table, where they are known.

    Returns:
        Float32 array `(1, 1 + rows * columns, dim)`, and a note, `""` where
        nothing changed.

    Raises:
        ValueError: The file's grid is not square, and not `grid_size`.
    """
    count, dim = table.shape[1] - 1, table.shape[2]
    is_guess = source is None
    if is_guess:
        source = _square_grid(count)
    is_sincos = source not in (None, grid_size) and _is_sincos(table, source)
    as_many = is_guess and count == math.prod(grid_size)
    if source == grid_size or (as_many and not is_sincos):
        return np.asarray(table, "float32"), ""
    if source is None:
        raise InputError(
            f"{path} holds positions of {count} patches, no square grid, which cannot "
            f"be changed to {grid_size}. Give the `image_size` that it was made for"
        )
    if is_sincos:
        patches = sincos_positions(dim, grid_size)
        note = f"sin-cos positions computed anew: {source} to {grid_size}"
    else:
        grid = np.asarray(table[0, 1:], "float32").reshape(*source, dim)
        patches = resize_bicubic(grid, grid_size)
        note = f"learned positions resized, bicubic: {source} to {grid_size}"
    row = np.asarray(table[0, :1], "float32")
    return np.concatenate([row, patches.reshape(-1, dim)])[None], note


def resize_bicubic(grid, size):
    """Resizes `(rows, columns, dim)` as PyTorch's `interpolate` does.

    `mode="bicubic"`, `align_corners=False`, no antialiasing: a cubic convolution
    with a = -0.75 whose taps beyond the border repeat it.

    Args:
        grid: Float array `(rows, columns, dim)`.
        size: `(rows, columns)` of the result.

    Returns:
        Float32 array `(*size, dim)`.

    Reference: [Keys, 1981](https://doi.org/10.1109/TASSP.1981.1163711).
    """
    rows = _taps(grid.shape[0], size[0])
    columns = _taps(grid.shape[1], size[1])
    resized = np.einsum("ri,cj,ijd->rcd", rows, columns, grid, optimize=True)
    return resized.astype("float32")


def _square_grid(count):
    side = math.isqrt(count)
    return (side, side) if side * side == count else None


def _taps(source, target):
    """Returns the weights of the source's places in the target's, as a matrix."""
    place = (np.arange(target) + 0.5) * source / target - 0.5
    first = np.floor(place).astype(int)
    weights = np.zeros((target, source))
    for tap in range(-1, 3):
        distance = np.abs(place - first - tap)
        index = np.clip(first + tap, 0, source - 1)
        np.add.at(weights, (np.arange(target), index), _cubic(distance))
    return weights


def _cubic(x):
    near = ((_A + 2) * x - (_A + 3)) * x**2 + 1
    far = ((x - 5) * x + 8) * x * _A - 4 * _A
    return np.where(x <= 1, near, far)


def _is_sincos(table, grid_size):
    dim = table.shape[2]
    if dim % 4:
        return False
    expected = sincos_positions(dim, grid_size)
    # The half precision of some files is coarser than any trained difference.
    atol = max(1e-5, float(ml_dtypes.finfo(table.dtype).eps))
    return np.allclose(np.asarray(table[0, 1:], "float32"), expected, 0, atol)
