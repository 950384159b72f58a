"""Random numbers that are the same on every device, compiled by XLA or not."""

import tensorflow as tf


def draw_integers(shape, seed, limit):
    """Returns int32 in `[0, limit)` that depend on `seed` `(2,)` alone.

    The algorithm is named, because each device has another default.
    """
    return tf.random.stateless_uniform(shape, seed, 0, limit, tf.int32, alg="philox")


def draw_uniform(shape, seed):
    """Returns float32 in `[0, 1)` that depend on `seed` `(2,)` alone."""
    # XLA makes other floats of the same bits than TensorFlow does.
    return tf.cast(draw_integers(shape, seed, 2**24), tf.float32) * 2.0**-24
