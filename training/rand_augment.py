"""RandAugment: a few operations on each picture, drawn from a list."""

import tensorflow as tf

from keras_mae.program import InputError

from .pixel_ops import MAX_LEVEL, pixel_ops

APPLIED = 0.5  # probability of each operation, as in timm


class RandAugment:
    """Draws operations and their strengths; timm's `rand-m9-mstd0.5-inc1` by default.

    The pixels are keras-cv's, whose contrast, borders and rounding are not PIL's, so
    that pictures are near timm's and not equal.

    Args:
        fill: Floats, one a channel, in [0, 255]: what is seen beyond the border.
        magnitude: Float in [0, 10]. Mean of the strengths.
        magnitude_std: Float. Their standard deviation.
        num_ops: Integer. Operations on a picture.

    Call arguments:
        pixels: Float32 tensor `(height, width, channels)` in [0, 255].
        seed: Integer tensor `(2,)`: nothing else decides.

    Returns:
        Pixels of the same shape and range.

    Raises:
        InputError: keras-cv is not installed, or a strength that there is not.

    Reference: [Cubuk et al., 2019](https://arxiv.org/abs/1909.13719).
    """

    def __init__(self, fill, magnitude=9.0, magnitude_std=0.5, num_ops=2):
        if not 0 <= magnitude <= MAX_LEVEL or magnitude_std < 0 or num_ops < 1:
            raise InputError(
                f"magnitude must lie in [0, {MAX_LEVEL:g}], magnitude_std be 0 or more "
                f"and num_ops 1 or more; received {magnitude}, {magnitude_std} and "
                f"{num_ops}"
            )
        self.ops = list(pixel_ops(fill).values())
        self.magnitude = magnitude
        self.magnitude_std = magnitude_std
        self.num_ops = num_ops

    def __call__(self, pixels, seed):
        pixels = tf.round(pixels)  # as bytes, which the operations are made for
        for op_seed in tf.unstack(tf.random.split(seed, self.num_ops)):
            pixels = tf.ensure_shape(self._apply(pixels, op_seed), pixels.shape)
        return pixels

    def _apply(self, pixels, seed):
        which, chances, strength = tf.unstack(tf.random.split(seed, 3))
        choice = tf.random.stateless_uniform(
            [], which, 0, len(self.ops), dtype=tf.int32
        )
        applied, side = tf.unstack(tf.random.stateless_uniform([2], chances))
        normal = tf.random.stateless_normal([], strength)
        level = self.magnitude + self.magnitude_std * normal
        level = tf.clip_by_value(level, 0.0, MAX_LEVEL)
        sign = tf.where(side < 0.5, -1.0, 1.0)
        branches = [lambda op=op: op(pixels, level, sign) for op in self.ops]
        nothing = len(branches)
        return tf.switch_case(
            tf.where(applied < APPLIED, choice, nothing), [*branches, lambda: pixels]
        )
