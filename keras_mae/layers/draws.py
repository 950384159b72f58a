"""Random numbers that are the same on every device, compiled by XLA or not.

What is drawn for a batch depends on the seed and an image's place in the whole batch,
however many replicas share it and in however many parts a replica computes its share:
everyone draws for the whole batch and takes its own rows.
"""

import contextvars

import tensorflow as tf

from .tracing import holding

_PART = contextvars.ContextVar("part", default=(0, 1))


def part_of_batch(index, count):
    """Draws inside are rows `index` of a batch that is computed in `count` equal parts.

    Args:
        index: Integer or integer scalar tensor, from 0.
        count: Integer.
    """
    return holding(_PART, (index, count))


def fold_in(seed, number):
    """Returns the seed `(2,)` of a part of what `seed` is for.

    As `tf.random.experimental.stateless_fold_in`, which without the algorithm's name
    gives another seed under XLA where one half of `seed` is negative.

    Args:
        seed: Integer tensor `(2,)`.
        number: Integer or integer scalar tensor, of the part.
    """
    return tf.random.experimental.stateless_fold_in(seed, number, alg="philox")


def draw_integers(shape, seed, limit, axis=0):
    """Returns int32 in `[0, limit)` that depend on `seed` `(2,)` alone.

    The algorithm is named, because each device has another default.

    Args:
        shape: Tuple of integers or integer scalar tensors.
        seed: Integer tensor `(2,)`.
        limit: Integer.
        axis: Integer. The axis of `shape` that counts images.
    """
    index, count = _part_of_all_replicas()
    before, rows, after = shape[:axis], shape[axis], shape[axis + 1 :]
    drawn = tf.random.stateless_uniform(
        (*before, count * rows, *after), seed, 0, limit, tf.int32, alg="philox"
    )
    if count == 1:
        return drawn
    return tf.gather(
        tf.reshape(drawn, (*before, count, rows, *after)), index, axis=axis
    )


def draw_uniform(shape, seed, axis=0):
    """Returns float32 in `[0, 1)` that depend on `seed` `(2,)` alone.

    Arguments are those of `draw_integers`.
    """
    # XLA makes other floats of the same bits than TensorFlow does.
    return tf.cast(draw_integers(shape, seed, 2**24, axis), tf.float32) * 2.0**-24


def _part_of_all_replicas():
    """Returns which of how many parts of the whole batch is computed here."""
    index, count = _PART.get()
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return index, count
    replica = context.replica_id_in_sync_group
    return replica * count + index, context.num_replicas_in_sync * count
