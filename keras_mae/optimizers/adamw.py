"""AdamW as the original runs it."""

import keras
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
        m, v = self._momentums[index], self._velocities[index]
        gradient = ops.cast(gradient, dtype)
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_add(v, (ops.square(gradient) - v) * (1 - self.beta_2))
        step = ops.cast(self.iterations + 1, dtype)
        unbias_1 = 1 - ops.power(ops.cast(self.beta_1, dtype), step)
        unbias_2 = ops.sqrt(1 - ops.power(ops.cast(self.beta_2, dtype), step))
        # = lr * (m / unbias_1) / (sqrt(v) / unbias_2 + epsilon), with fewer divisions
        rate = ops.cast(learning_rate, dtype) * unbias_2 / unbias_1
        self.assign_sub(variable, rate * m / (ops.sqrt(v) + self.epsilon * unbias_2))
