"""The holes of the Context Encoder, as samplers that every system can use.

They score single pixels as well as patches: whoever ranks the scores decides how large
a hole is. The paper hides a quarter of the image: `mask_ratio=0.25`.
"""

import keras
import numpy as np
import tensorflow as tf

from .draws import draw_uniform, fold_in
from .mask_samplers import SAMPLERS, MaskSampler

GROUP, MOST_SQUARES = 20, 100  # as many as the bits and exponents of a float tell apart


@keras.saving.register_keras_serializable(package="keras_mae")
class CentreSampler(MaskSampler):
    """Hides the middle of the image, the same in all: nothing is drawn.

    Holes are nested and grow by as much on every side. One of them is the rectangle
    half as high and half as wide as the image, its central quarter.

    Reference: [Pathak et al., 2016](https://arxiv.org/abs/1604.07379), section 3.3.
    """

    def score(self, batch_size, grid_size, row, column, seed):
        vertical = _beyond_the_half(row, grid_size[0])
        horizontal = _beyond_the_half(column, grid_size[1])
        # The smaller term fills the last, partly hidden line from its middle.
        distance = tf.maximum(vertical, horizontal) + 1e-4 * (vertical + horizontal)
        return tf.tile(-distance, (batch_size, 1))


@keras.saving.register_keras_serializable(package="keras_mae")
class SquaresSampler(MaskSampler):
    """Hides several small squares that may overlap: the paper's random block.

    Squares lie inside the image, so that its border is hidden least often.

    Args:
        min_side, max_side: Floats in `(0, 1]`. Sides of the squares, as shares of the
            image's shorter side.
        num_squares: Integer, at most 100. Squares drawn for every image; as many are
            hidden as the mask ratio needs, the last one in part. The default ones cover
            nine tenths of the image. What they leave is hidden last, in random order.

    Raises:
        ValueError: `num_squares` is not in `[1, 100]`.

    Reference: [Pathak et al., 2016](https://arxiv.org/abs/1604.07379), section 3.3.
    """

    def __init__(self, min_side=0.125, max_side=0.25, num_squares=100):
        if not 1 <= num_squares <= MOST_SQUARES:
            raise ValueError(
                f"`num_squares` must lie in [1, {MOST_SQUARES}]: their order is kept "
                f"in one float. Received: num_squares={num_squares}"
            )
        self.min_side = min_side
        self.max_side = max_side
        self.num_squares = num_squares

    def score(self, batch_size, grid_size, row, column, seed):
        rows, columns = grid_size
        shape = (3, batch_size, self.num_squares, 1)
        size, down, across = tf.unstack(draw_uniform(shape, seed, axis=1))
        share = self.min_side + size * (self.max_side - self.min_side)
        side = tf.maximum(tf.round(share * min(grid_size)), 1.0)
        inside_rows = _inside(down, side, rows)  # (B, squares, rows)
        inside_columns = _inside(across, side, columns)
        score = draw_uniform((batch_size, rows, columns), fold_in(seed, 1))
        for first in reversed(range(0, self.num_squares, GROUP)):
            group = slice(first, first + GROUP)
            found = _covered(inside_rows[:, group], inside_columns[:, group])
            score = tf.where(found > 0, found, 2.0**-GROUP * score)
        return tf.reshape(score, (-1, rows * columns))

    def get_config(self):
        return {
            "min_side": self.min_side,
            "max_side": self.max_side,
            "num_squares": self.num_squares,
        }


@keras.saving.register_keras_serializable(package="keras_mae")
class RegionSampler(MaskSampler):
    """Hides regions of any shape: the paper's random region.

    Where smooth noise is high, pixels are hidden. The paper takes the shapes of
    segmented objects; its released code takes this noise.

    Args:
        num_waves: Integer. Noise values along the image's shorter side, between which
            it is interpolated.

    Reference: [Pathak et al., 2016](https://arxiv.org/abs/1604.07379), section 3.3.
    """

    def __init__(self, num_waves=8):
        self.num_waves = num_waves

    def score(self, batch_size, grid_size, row, column, seed):
        down, across = (
            _interpolation(side, max(2, round(self.num_waves * side / min(grid_size))))
            for side in grid_size
        )
        noise = draw_uniform((batch_size, down.shape[1], across.shape[1]), seed)
        smooth = tf.einsum("rp,bpq,cq->brc", down, noise, across)
        return tf.reshape(smooth, (-1, grid_size[0] * grid_size[1]))

    def get_config(self):
        return {"num_waves": self.num_waves}


# Not in their table: it stands in the module that they build on.
SAMPLERS.update(centre=CentreSampler, squares=SquaresSampler, region=RegionSampler)


def _beyond_the_half(position, length):
    """Distance in pixels from the middle, less a quarter of the length: `(1, L)`."""
    return tf.abs(position - (length - 1) / 2) - length / 4


def _inside(place, side, length):
    """1 where one of `length` lines lies in a square placed at `place`, else 0."""
    start = tf.floor(place * (length - side + 1))
    line = tf.range(length, dtype=tf.float32)
    return tf.cast((line >= start) & (line < start + side), tf.float32)


def _covered(inside_rows, inside_columns):
    """Scores what lies in squares: earlier ones outweigh all later ones together."""
    order = 2.0 ** -tf.range(inside_rows.shape[1], dtype=tf.float32)[:, None]
    return tf.matmul(order * inside_rows, inside_columns, transpose_a=True)


def _interpolation(length, num_values):
    """Returns the matrix `(length, num_values)` that draws smooth lines by values."""
    place = (np.arange(length) + 0.5) / length * (num_values - 1)
    before = np.floor(place).astype(int)
    share = place - before
    share = share**2 * (3 - 2 * share)  # level at the values
    matrix = np.zeros((length, num_values), "float32")
    matrix[np.arange(length), before] = 1 - share
    matrix[np.arange(length), before + 1] = share
    return matrix
