"""Which patches to hide: samplers that score every patch.

A sampler is called with `(batch_size, rows, columns, seed)` and returns a float
score `(batch_size, rows * columns)`; the lowest scores stay visible. Whoever
ranks the scores decides how many are hidden, so every sampler hides exactly as
many patches in every image as the mask ratio asks, at any ratio, and all
shapes are static: XLA compiles them.
"""

import abc

import keras
import numpy as np
import tensorflow as tf

from .draws import draw_integers, draw_uniform


class MaskSampler(abc.ABC):
    """What samplers share: they have no state but their constructor's arguments.

    Call arguments:
        batch_size: Integer or integer scalar tensor.
        rows, columns: Integers, the grid of patches.
        seed: Integer tensor `(2,)`; the same seed gives the same scores.

    Returns:
        Float32 tensor `(batch_size, rows * columns)`, the lowest stay visible.
    """

    def __call__(self, batch_size, rows, columns, seed):
        row = tf.reshape(tf.cast(np.indices((rows, columns))[0], tf.float32), (1, -1))
        column = tf.reshape(
            tf.cast(np.indices((rows, columns))[1], tf.float32), (1, -1)
        )
        return self.score(batch_size, (rows, columns), row, column, seed)

    @abc.abstractmethod
    def score(self, batch_size, grid_size, row, column, seed):
        """Returns the scores; `row` and `column` are `(1, L)` patch coordinates."""

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable(package="keras_mae")
class RandomSampler(MaskSampler):
    """Uniform noise: the paper's random sampling (section 3)."""

    def score(self, batch_size, grid_size, row, column, seed):
        return draw_uniform((batch_size, row.shape[1]), seed)


@keras.saving.register_keras_serializable(package="keras_mae")
class GridSampler(MaskSampler):
    """Keeps an evenly spaced grid: one patch of every 2 x 2 at ratio 0.75.

    Other ratios follow an ordered dither (Bayer) pattern. The grid's offset is
    drawn for every image. Reference: He et al., 2022, figure 6 and table 1f.
    """

    def score(self, batch_size, grid_size, row, column, seed):
        shift = draw_integers((2, batch_size, 1), seed, 16, axis=1)
        row = (tf.cast(row, tf.int32) + shift[0]) % 16
        column = (tf.cast(column, tf.int32) + shift[1]) % 16
        return tf.gather(tf.constant(_bayer(16).ravel()), row * 16 + column)


@keras.saving.register_keras_serializable(package="keras_mae")
class HalfSampler(MaskSampler):
    """Hides one side of the image, drawn anew for each: left, right, top or bottom."""

    def score(self, batch_size, grid_size, row, column, seed):
        side = draw_integers((batch_size, 1), seed, 4)
        # The smaller term fills the last, partly hidden line from one end.
        sideways, downwards = column + 1e-3 * row, row + 1e-3 * column
        along = tf.where(side < 2, sideways, downwards)
        return tf.where(side % 2 == 0, along, -along)


@keras.saving.register_keras_serializable(package="keras_mae")
class RectangleSampler(MaskSampler):
    """Hides one rectangle, its place and shape drawn for every image.

    The rectangles of one image are nested: they grow from a point to the whole
    image, so any mask ratio cuts one of them out and none leaves the image.
    Reference: [Pathak et al., 2016](https://arxiv.org/abs/1604.07379), section 3.3.
    """

    def score(self, batch_size, grid_size, row, column, seed):
        draws = draw_uniform((3, batch_size, 1), seed, axis=1)
        share = 0.35 + 0.3 * draws[2]  # of the area's logarithm: tall or wide
        vertical = _reach(row, draws[0], grid_size[0]) ** (1 / share)
        horizontal = _reach(column, draws[1], grid_size[1]) ** (1 / (1 - share))
        # The smaller term fills the last, partly hidden line from its middle.
        return -tf.maximum(vertical, horizontal) - 1e-4 * (vertical + horizontal)


@keras.saving.register_keras_serializable(package="keras_mae")
class BlockSampler(MaskSampler):
    """Hides a union of random blocks (BEiT's block-wise masking).

    Args:
        min_patches: Integer. Fewest patches of a block.
        max_share: Float in `(0, 1]`. Largest block, as a share of the image.
        aspect: Float > 1. Blocks are at most so many times taller than wide, or wider.
        num_blocks: Integer. Blocks drawn for every image.

    Reference: [Bao et al., 2021](https://arxiv.org/abs/2106.08254), algorithm 1;
        He et al., 2022, table 1f.
    """

    def __init__(self, min_patches=16, max_share=0.4, aspect=1 / 0.3, num_blocks=32):
        self.min_patches = min_patches
        self.max_share = max_share
        self.aspect = aspect
        self.num_blocks = num_blocks

    def score(self, batch_size, grid_size, row, column, seed):
        draws = draw_uniform((4, batch_size, self.num_blocks, 1), seed, axis=1)
        length = row.shape[1]
        largest = max(self.min_patches, self.max_share * length)
        area = self.min_patches + draws[0] * (largest - self.min_patches)
        ratio = self.aspect ** (2 * draws[1] - 1)  # log-uniform
        inside_rows = _inside(row, tf.sqrt(area * ratio), draws[2], grid_size[0])
        inside_columns = _inside(column, tf.sqrt(area / ratio), draws[3], grid_size[1])
        inside = tf.cast(inside_rows & inside_columns, tf.float32)  # (B, blocks, L)
        first = tf.argmax(inside, axis=1, output_type=tf.int32)
        covered = tf.reduce_max(inside, axis=1)
        order = tf.cast(self.num_blocks - first, tf.float32) * covered
        # Within one block, and outside all, patches are hidden line by line.
        return order - (row * grid_size[1] + column) / length

    def get_config(self):
        return {
            "min_patches": self.min_patches,
            "max_share": self.max_share,
            "aspect": self.aspect,
            "num_blocks": self.num_blocks,
        }


SAMPLERS = {
    "random": RandomSampler,
    "block": BlockSampler,
    "grid": GridSampler,
    "rectangle": RectangleSampler,
    "half": HalfSampler,
}


def get_sampler(sampler):
    """Returns a `MaskSampler` from its name, its configuration or itself.

    Raises:
        ValueError: A name that is not in `SAMPLERS`.
    """
    if isinstance(sampler, dict):
        return keras.saving.deserialize_keras_object(sampler)
    if isinstance(sampler, str) and sampler in SAMPLERS:
        return SAMPLERS[sampler]()
    if isinstance(sampler, MaskSampler):
        return sampler
    raise ValueError(
        f"`mask_sampler` must be a MaskSampler or one of {sorted(SAMPLERS)}. "
        f"Received: mask_sampler={sampler!r}"
    )


def _bayer(size):
    """Returns the ordered dither matrix `(size, size)` of values in [0, 1)."""
    if size == 1:
        return np.zeros((1, 1), "float32")
    coarse = _bayer(size // 2)
    corners = np.float32([[0, 2], [3, 1]])
    return (
        np.tile(corners, coarse.shape) / 4
        + np.repeat(np.repeat(coarse, 2, 0), 2, 1) / 4
    )


def _reach(position, centre, length):
    """Share of the way from a point (at `centre`, in [0, 1]) to its edge, in [0, 1]."""
    place = (position + 0.5) / length  # (1, L), middle of the patch
    before = (centre - place) / tf.maximum(centre, 1e-6)
    behind = (place - centre) / tf.maximum(1 - centre, 1e-6)
    return tf.clip_by_value(tf.maximum(before, behind), 0.0, 1.0)


def _inside(position, side, place, length):
    """Whether lines lie in a block of `side` lines placed at `place` in [0, 1]."""
    side = tf.clip_by_value(tf.round(side), 1.0, float(length))
    start = tf.floor(place * (length - side + 1))
    return (position >= start) & (position < start + side)
