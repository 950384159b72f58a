"""LARS as the original runs it: rates by layer for very large batches."""

import keras
import tensorflow as tf
from keras import ops

from ..keras_hooks import UpdateHooks


@keras.saving.register_keras_serializable(package="keras_mae")
class LARS(UpdateHooks, keras.optimizers.Optimizer):
    """Momentum whose steps on matrices are as long as a share of the matrix.

    For variables of more than one dimension, `g` gets `weight_decay * p` added and is
    scaled to `trust_coefficient * |p| / |g|` of its length; vectors are neither decayed
    nor scaled. Then `m = momentum * m + g` and `p -= learning_rate * m`. The learning
    rate is outside the momentum, as in the original's linear probe.

    Args:
        learning_rate: Float or schedule.
        weight_decay: Float, of matrices (not decoupled).
        momentum: Float in `[0, 1)`.
        trust_coefficient: Float. Length of a step over the length of the matrix, at a
            learning rate of 1.

    Raises:
        ValueError: `momentum` is outside `[0, 1)`.

    Reference: [You et al., 2017](https://arxiv.org/abs/1708.03888);
        [He et al., 2022](https://arxiv.org/abs/2111.06377), table 10.
    """

    def __init__(
        self,
        learning_rate=0.1,
        weight_decay=0.0,
        momentum=0.9,
        trust_coefficient=1e-3,
        name="lars",
        **kwargs,
    ):
        super().__init__(learning_rate, weight_decay, name=name, **kwargs)
        if not 0 <= momentum < 1:
            raise ValueError(
                "`momentum` must lie in [0, 1), or old gradients never fade. "
                f"Received: momentum={momentum}"
            )
        self.momentum = momentum
        self.trust_coefficient = trust_coefficient

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self._momentums = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient, variable, learning_rate):
        dtype = variable.dtype
        gradient = ops.cast(gradient, dtype)
        if len(variable.shape) > 1:
            gradient = self._scaled(self._decayed(gradient, variable), variable)
        memory = self._momentums[self.place_of(variable)]
        value = ops.cast(self.momentum, dtype) * memory + gradient
        self.assign(memory, value)
        self.assign_sub(variable, ops.cast(learning_rate, dtype) * value)

    def get_config(self):
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "trust_coefficient": self.trust_coefficient,
        }

    def _decayed(self, gradient, variable):
        if not self.weight_decay or not self.may_decay(variable):
            return gradient
        return gradient + ops.cast(self.weight_decay, variable.dtype) * variable

    def _scaled(self, gradient, variable):
        length = tf.norm(tf.convert_to_tensor(variable))
        ratio = self.trust_coefficient * tf.math.divide_no_nan(
            length, tf.norm(gradient)
        )
        # A matrix of zeros, or one without gradient, moves as vectors do.
        return gradient * tf.where(ratio > 0, ratio, 1)
