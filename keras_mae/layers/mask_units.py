"""Masks of units larger than a patch."""

import math

import keras
import tensorflow as tf

from .mask_samplers import MaskSampler, get_sampler


@keras.saving.register_keras_serializable(package="keras_mae")
class UnitSampler(MaskSampler):
    """Draws another sampler's masks on a coarser grid: squares of patches go together.

    As many patches are hidden as of any sampler, so the last unit may be hidden in
    part, line by line; where the grid is no multiple of the unit, units at the right
    and lower border are cut off.

    Args:
        mask_sampler: A `MaskSampler` or its name; it sees units as patches.
        unit: Integer. Patches on the side of a unit. SimMIM's unit of 32 pixels is 2
            patches of 16.

    Raises:
        ValueError: `unit` is not positive, or the sampler is unknown.

    Reference: [Xie et al., 2021](https://arxiv.org/abs/2111.09886), 3.2.
    """

    def __init__(self, mask_sampler="random", unit=2):
        if unit < 1:
            raise ValueError(
                "`unit` must be at least 1, in patches on the side of a unit. "
                f"Received: unit={unit}"
            )
        self.mask_sampler = get_sampler(mask_sampler)
        self.unit = unit

    def score(self, batch_size, grid_size, row, column, seed):
        rows, columns = (math.ceil(side / self.unit) for side in grid_size)
        scores = self.mask_sampler(batch_size, rows, columns, seed)
        # Ranks differ, so that no two units are mixed.
        rank = tf.argsort(tf.argsort(scores, axis=1, stable=True), axis=1)
        row, column = (tf.cast(x, tf.int32)[0] // self.unit for x in (row, column))
        return tf.gather(tf.cast(rank, tf.float32), row * columns + column, axis=1)

    def get_config(self):
        sampler = keras.saving.serialize_keras_object(self.mask_sampler)
        return {"mask_sampler": sampler, "unit": self.unit}
