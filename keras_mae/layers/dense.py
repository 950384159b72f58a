"""A dense layer for tokens."""

import keras
import tensorflow as tf

from .compiled import chain_of, is_compiling
from .products import cast_all, product_dtype


@keras.saving.register_keras_serializable(package="keras_mae")
class Dense2D(keras.layers.Dense):
    """`keras.layers.Dense` that multiplies all tokens as one 2-D matrix product.

    Same weights, arguments and result. The plain product keeps shape arithmetic
    out of exported graphs and lets the bias be fused into the product.

    Args:
        units: Integer. Width of the result.

    Call arguments:
        inputs: Float tensor `(..., dim)`.
        before: Optional `gelu` or `LayerNorm` that inputs go through first. A training
            step need not keep its result.

    Returns:
        Float tensor `(..., units)`.
    """

    def add_weight(self, *args, **kwargs):
        # `call` casts them: to float32 for some products of bfloat16.
        return super().add_weight(*args, autocast=False, **kwargs)

    def call(self, inputs, before=None):
        computed = product_dtype(inputs.dtype)
        kernel, bias = cast_all((self.kernel, self.bias), computed)
        if is_compiling() and bias is not None:
            outputs = _lean_product(chain_of(before), to_rows(inputs), kernel, bias)
        else:
            rows = to_rows(inputs if before is None else before(inputs))
            outputs = _product(tf.cast(rows, computed), kernel, bias)
        outputs = tf.cast(outputs, inputs.dtype)
        if self.activation is not None:
            outputs = self.activation(outputs)
        return from_rows(outputs, inputs)


def to_rows(tokens):
    """Returns `(rows, dim)` of `(..., dim)`."""
    rank = tokens.shape.rank
    return tokens if rank == 2 else tf.reshape(tokens, (-1, tokens.shape[-1]))


def from_rows(rows, tokens):
    """Returns `(..., units)` of `(rows, units)`, where tokens have `(..., dim)`."""
    units, static = rows.shape[-1], tokens.shape[1:-1]
    if static.is_fully_defined():
        return rows if not static.rank else tf.reshape(rows, (-1, *static, units))
    return tf.reshape(rows, (*tf.unstack(tf.shape(tokens)[:-1]), units))


def _product(rows, kernel, bias):
    outputs = tf.matmul(rows, kernel)
    return outputs if bias is None else tf.nn.bias_add(outputs, bias)


def _lean_product(chain, rows, kernel, bias):
    """`_product` of what a chain makes of rows, with a gradient of its own.

    It keeps the rows alone, and takes the forms that a CPU multiplies fastest.
    """

    @tf.custom_gradient
    def product(rows, kernel, bias, *weights):
        def gradient(upstream):
            of_result = tf.matmul(upstream, kernel, transpose_b=True)
            result, of_rows, *of_weights = chain.backward(of_result, rows, *weights)
            of_kernel = _kernel_gradient(result, upstream)
            # A sum over rows on one thread takes longer than a product with ones.
            ones = tf.ones((1, tf.shape(upstream)[0]), upstream.dtype)
            return of_rows, of_kernel, tf.matmul(ones, upstream)[0], *of_weights

        factor = chain.forward(kernel.dtype, rows, *weights)
        return _product(factor, kernel, bias), gradient

    return product(rows, kernel, bias, *chain.weights)


def _kernel_gradient(rows, upstream):
    """Returns `rows^T upstream`, `(dim, units)`.

    Where it has more rows than columns, its transpose is a third faster to make, if
    the tokens are so many that turning it round costs little.
    """
    number, dim = rows.shape
    if number is not None and number > dim > upstream.shape[1]:
        return tf.transpose(tf.matmul(upstream, rows, transpose_a=True))
    return tf.matmul(rows, upstream, transpose_a=True)
