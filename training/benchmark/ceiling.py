"""The ceiling: how fast this machine multiplies large matrices."""

import statistics
import time

import tensorflow as tf

SIDE = 2048  # of the square matrices
PRODUCTS = 3  # of one measurement


class Ceiling:
    """The operations per second of one large matrix product in a graph.

    Args:
        dtype: `"float32"`, `"bfloat16"` or `"float16"`.
    """

    def __init__(self, dtype):
        self.matrix = tf.cast(tf.random.normal((SIDE, SIDE)), dtype)
        self.product = tf.function(lambda x: tf.matmul(x, x))
        self.measure()

    def measure(self):
        """Returns the median rate of a few products."""
        times = []
        for _ in range(PRODUCTS):
            began = time.perf_counter()
            self.product(self.matrix)[0, 0].numpy()
            times.append(time.perf_counter() - began)
        return 2 * SIDE**3 / statistics.median(times)


def ceiling(dtype):
    """Returns a contestant whose answers are operations per second, `flops`."""
    measured = Ceiling(dtype)
    description = {"versions": {"tensorflow": tf.__version__}}
    return description, lambda **_: {"flops": measured.measure()}
