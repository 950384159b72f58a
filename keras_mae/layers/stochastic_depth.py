"""Drops whole residual branches of random samples."""

import keras
import tensorflow as tf

from .draws import draw_uniform


@keras.saving.register_keras_serializable(package="keras_mae")
class StochasticDepth(keras.layers.Layer):
    """Zeroes a residual branch for random samples in training, and rescales the rest.

    Args:
        rate: Float in `[0, 1)`. Probability of dropping a sample's branch.

    Call arguments:
        branch: Float tensor `(batch, ...)`.
        training: Boolean. Outside training nothing is dropped.
        seed: Optional integer tensor `(2,)`: the draw depends on nothing else.
            Without it, it comes from TensorFlow's global generator.

    Returns:
        Float tensor of the same shape.

    Raises:
        ValueError: `rate` is outside `[0, 1)`.

    Reference: [Huang et al., 2016](https://arxiv.org/abs/1603.09382).
    """

    def __init__(self, rate=0.0, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(
                f"`rate` must lie in [0, 1), or nothing is left. Received: rate={rate}"
            )
        self.rate = rate
        self.built = True

    def call(self, branch, training=False, seed=None):
        if not training or self.rate == 0:
            return branch
        if seed is None:
            seed = tf.random.uniform((2,), maxval=2**31 - 1, dtype=tf.int32)
        shape = (tf.shape(branch)[0],) + (1,) * (len(branch.shape) - 1)
        kept = draw_uniform(shape, seed) >= self.rate
        return branch * tf.cast(kept, branch.dtype) / (1 - self.rate)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}
