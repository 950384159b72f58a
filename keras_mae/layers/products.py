"""The dtype in which a training step multiplies matrices on a CPU.

Not every CPU gains by bfloat16: a Xeon with AVX-512 but without AMX multiplies it at
half the speed of float32. There a hybrid step multiplies in float32, and keeps what it
must keep in bfloat16. A product of bfloat16 adds up in float32 anyway: the numbers are
as good.
"""

import functools
import time

import tensorflow as tf

from .compiled import is_compiling

# Of the matrices that are multiplied to see which is faster: so small that a busy
# machine lets some of many products through undisturbed.
SIDE, ROUNDS = 512, 40
MARGIN = 1.25  # nearly the same is the same: two runs must not choose differently


def product_dtype(dtype):
    """Returns the dtype in which factors of a dtype are multiplied now."""
    dtype = tf.as_dtype(dtype)
    wide = dtype == tf.bfloat16 and is_compiling() and not bfloat16_pays()
    return tf.float32 if wide else dtype


@functools.cache
def bfloat16_pays():
    """Returns whether bfloat16 is multiplied as fast as float32 here; measured once."""
    dtypes = (tf.bfloat16, tf.float32)
    with tf.init_scope():  # now, and not in a graph
        turns = [[_seconds(dtype) for dtype in dtypes] for _ in range(1 + ROUNDS)]
    fastest = [min(seconds) for seconds in zip(*turns[1:], strict=True)]
    return fastest[0] <= MARGIN * fastest[1]


def cast_all(tensors, dtype):
    """Returns a list of tensors, `None` as it is, in a dtype."""
    return [None if x is None else tf.cast(x, dtype) for x in tensors]


def _seconds(dtype):
    """Returns how long one product takes."""
    factor = tf.ones((SIDE, SIDE), dtype)
    began = time.perf_counter()
    tf.matmul(factor, factor).numpy()  # waits for an accelerator
    return time.perf_counter() - began
