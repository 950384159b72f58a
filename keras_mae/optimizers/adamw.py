"""AdamW as the original runs it."""

import keras
import tensorflow as tf
from keras import ops


@keras.saving.register_keras_serializable(package="keras_mae")
class AdamW(keras.optimizers.AdamW):
    """`keras.optimizers.AdamW` with the pre-training recipe's rules and defaults.

    Biases, norms and other vectors are not decayed; class and mask tokens are.
    Epsilon is added to the bias-corrected root, as in torch, so that steps on tiny
    gradients agree as well (Keras adds it before the correction).

    Args:
        learning_rate: Float or schedule.
        weight_decay, beta_1, beta_2, epsilon: Floats.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), table 8;
        [Loshchilov and Hutter, 2017](https://arxiv.org/abs/1711.05101).
    """

    def __init__(
        self,
        learning_rate=1e-3,
        weight_decay=0.05,
        beta_1=0.9,
        beta_2=0.95,
        epsilon=1e-8,
        **kwargs,
    ):
        super().__init__(learning_rate, weight_decay, beta_1, beta_2, epsilon, **kwargs)

    def build(self, variables):
        if not self.built:
            vectors = [variable for variable in variables if len(variable.shape) < 2]
            self.exclude_from_weight_decay(var_list=vectors)
        super().build(variables)

    def update_step(self, gradient, variable, learning_rate):
        index, dtype = self._get_variable_index(variable), variable.dtype
        step = ops.cast(self.iterations + 1, dtype)
        beta_1, beta_2 = ops.cast(self.beta_1, dtype), ops.cast(self.beta_2, dtype)
        beta_1_power, beta_2_power = ops.power(beta_1, step), ops.power(beta_2, step)
        learning_rate = ops.cast(learning_rate, dtype)
        if self._use_weight_decay(variable):
            self.assign(variable, variable * (1 - learning_rate * self.weight_decay))
        # One pass over memory, where separate ops make a dozen.
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(self._momentums[index]),
            v=_handle(self._velocities[index]),
            beta1_power=beta_1_power,
            beta2_power=beta_2_power,
            lr=learning_rate,
            beta1=beta_1,
            beta2=beta_2,
            epsilon=self.epsilon * ops.sqrt(1 - beta_2_power),
            grad=ops.cast(gradient, dtype),
        )

    def _apply_weight_decay(self, variables):
        """Does nothing: `update_step` decays while the variable is at hand."""


def _handle(variable):
    if isinstance(variable, keras.Variable):
        variable = variable.value
    return variable.handle
