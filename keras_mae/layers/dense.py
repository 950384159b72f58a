"""A dense layer for tokens."""

import keras
import tensorflow as tf

from .compiled import is_compiling


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
        if is_compiling() and self.bias is not None:
            kernel, bias = map(tf.convert_to_tensor, (self.kernel, self.bias))
            outputs = _fast_product(rows, kernel, bias)
        else:
            outputs = _product(rows, self.kernel, self.bias)
        if self.activation is not None:
            outputs = self.activation(outputs)
        static = inputs.shape[1:-1]
        if static.is_fully_defined():
            return tf.reshape(outputs, (-1, *static, self.units))
        return tf.reshape(outputs, (*tf.unstack(tf.shape(inputs)[:-1]), self.units))


def _product(rows, kernel, bias):
    outputs = tf.matmul(rows, kernel)
    return outputs if bias is None else tf.nn.bias_add(outputs, bias)


@tf.custom_gradient
def _fast_product(rows, kernel, bias):
    """`_product` with gradients in the forms that a CPU multiplies fastest."""

    def gradient(upstream):
        of_rows = tf.matmul(upstream, kernel, transpose_b=True)
        # A sum over rows on one thread takes longer than a product with ones.
        ones = tf.ones((1, tf.shape(upstream)[0]), upstream.dtype)
        of_bias = tf.matmul(ones, upstream)[0]
        return of_rows, _kernel_gradient(rows, upstream), of_bias

    return _product(rows, kernel, bias), gradient


def _kernel_gradient(rows, upstream):
    """Returns `rows^T upstream`, `(dim, units)`.

    Where it has more rows than columns, its transpose is a third faster to make, if
    the tokens are so many that turning it round costs little.
    """
    number, dim = rows.shape
    if number is not None and number > dim > upstream.shape[1]:
        return tf.transpose(tf.matmul(upstream, rows, transpose_a=True))
    return tf.matmul(rows, upstream, transpose_a=True)
