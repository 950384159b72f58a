"""A dense layer for tokens."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="keras_mae")
class Dense2D(keras.layers.Dense):
    """`keras.layers.Dense` that multiplies all tokens as one 2-D matrix product.

    Same weights, arguments and result. The plain product keeps shape arithmetic
    out of exported graphs and lets the bias be fused into the product.

    Args:
        units: Integer. Width of the result.

    Call arguments:
        inputs: Float tensor `(..., dim)`.

    Returns:
        Float tensor `(..., units)`.
    """

    def call(self, inputs):
        rows = tf.reshape(inputs, (-1, inputs.shape[-1]))
        outputs = tf.matmul(rows, self.kernel)
        if self.bias is not None:
            outputs = tf.nn.bias_add(outputs, self.bias)
        if self.activation is not None:
            outputs = self.activation(outputs)
        static = inputs.shape[1:-1]
        if static.is_fully_defined():
            return tf.reshape(outputs, (-1, *static, self.units))
        return tf.reshape(outputs, (*tf.unstack(tf.shape(inputs)[:-1]), self.units))
