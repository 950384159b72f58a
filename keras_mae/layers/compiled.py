"""Elementwise chains as one compiled kernel each, inside a training step on a CPU.

TensorFlow runs `0.5 * x * (1 + erf(x / sqrt(2)))` as five passes over memory and
its gradient as ten more; XLA makes one pass of each. Matrix products, on the
other hand, are faster outside XLA. So a training step compiles the chains alone.
Exported graphs must not hold compiled functions, and XLA cannot reach the
variables of several replicas: there, everything is ordinary ops.

What a chain makes of its input for a product is four times as wide as a token in an
MLP. Its backward pass makes it once more, in the kernel that reads the input anyway:
a training step holds the input until then, and not the result.
"""

import contextvars
from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from .served import is_served, served_norm
from .tracing import holding

_COMPILING = contextvars.ContextVar("compiling", default=False)
_RSQRT_2, _RSQRT_2PI = 0.7071067811865476, 0.3989422804014327


def compiled_chains(wanted=True):
    """Compiles chains that are traced inside, if wanted."""
    return holding(_COMPILING, wanted)


def is_compiling():
    """Returns whether chains that are traced now should be compiled."""
    return _COMPILING.get()


def compiled(function):
    """Decorates a chain: XLA makes one kernel of it."""
    return tf.function(function, jit_compile=True, autograph=False)


class Chain(NamedTuple):
    """What stands in front of a product.

    Attributes:
        forward: Function `(dtype, x, *weights)` that returns the result in a dtype, of
            the shape of `x`.
        backward: Function `(upstream, x, *weights)` that returns the result once more,
            in the dtype of `upstream`, and the gradients of `x` and of all weights.
        weights: Tuple of tensors.
    """

    forward: Callable
    backward: Callable
    weights: tuple = ()


def _backward_of_nothing(upstream, x):
    with tf.control_dependencies([upstream]):  # or the first cast would be kept
        x_once_more = tf.cast(x, upstream.dtype)
    return x_once_more, tf.cast(upstream, x.dtype)


NOTHING = Chain(lambda dtype, x: tf.cast(x, dtype), _backward_of_nothing)


def chain_of(layer):
    """Returns the compiled chain of `gelu`, of a `LayerNorm`, or of nothing."""
    return {None: NOTHING, gelu: GELU}.get(layer) or layer.chain()


@keras.saving.register_keras_serializable(package="keras_mae", name="gelu")
def gelu(x):
    """Exact GELU, `0.5 * x * (1 + erf(x / sqrt(2)))`.

    Spelled out, because Keras emits `Erfc`, which ONNX does not have.
    """
    return _applied(GELU, x) if is_compiling() else _gelu(x)


@keras.saving.register_keras_serializable(package="keras_mae")
class LayerNorm(keras.layers.LayerNormalization):
    """`keras.layers.LayerNormalization` of the last axis; same weights and result.

    Args:
        epsilon: Float. The original's is 1e-6.

    Call arguments:
        inputs: Float tensor `(..., dim)`.

    Returns:
        Float tensor `(..., dim)`; computed in float32 inside.
    """

    def __init__(self, epsilon=1e-6, **kwargs):
        super().__init__(epsilon=epsilon, **kwargs)

    def call(self, inputs):
        if not (is_compiling() or is_served()):
            return super().call(inputs)
        if is_served():
            inputs = tf.cast(inputs, self.compute_dtype)
            return served_norm(inputs, self.gamma, self.beta, self.epsilon)
        return _applied(self.chain(), inputs)

    def chain(self):
        """Returns the compiled `Chain`."""
        gamma, beta = (tf.convert_to_tensor(w) for w in (self.gamma, self.beta))
        epsilon = tf.constant(self.epsilon, tf.float32)
        return Chain(_norm_forward, _norm_backward, (gamma, beta, epsilon))


def _applied(chain, x):
    """Returns the result of a chain that no product follows."""

    @tf.custom_gradient
    def apply(x, *weights):
        def gradient(upstream):
            _, *gradients = chain.backward(upstream, x, *weights)
            return gradients

        return chain.forward(x.dtype, x, *weights), gradient

    return apply(x, *chain.weights)


def _gelu(x):
    return 0.5 * x * (1.0 + tf.math.erf(x * _RSQRT_2))


@compiled
def _gelu_forward(dtype, x):
    return tf.cast(_gelu(tf.cast(x, tf.float32)), dtype)


@compiled
def _gelu_backward(upstream, x):
    dtype, x = x.dtype, tf.cast(x, tf.float32)
    cumulated = 0.5 * (1.0 + tf.math.erf(x * _RSQRT_2))
    slope = cumulated + x * tf.exp(-0.5 * x * x) * _RSQRT_2PI
    of_x = tf.cast(upstream, tf.float32) * slope
    return tf.cast(x * cumulated, upstream.dtype), tf.cast(of_x, dtype)


GELU = Chain(_gelu_forward, _gelu_backward)


def _row_mean(rows):
    """Means of rows as a product with ones: XLA's own reduction is half as fast."""
    dim = rows.shape[-1]
    return tf.matmul(rows, tf.fill((dim, 1), 1 / dim))  # (n, 1)


def _as_rows(x):
    return tf.cast(tf.reshape(x, (-1, x.shape[-1])), tf.float32)


def _standardise(rows, epsilon):
    centred = rows - _row_mean(rows)
    inverse = tf.math.rsqrt(_row_mean(centred * centred) + epsilon)
    return centred * inverse, inverse


@compiled
def _norm_forward(dtype, x, gamma, beta, epsilon):
    standard, _ = _standardise(_as_rows(x), epsilon)
    return _scaled(standard, gamma, beta, tf.shape(x), dtype)


@compiled
def _norm_backward(upstream, x, gamma, beta, epsilon):
    standard, inverse = _standardise(_as_rows(x), epsilon)
    dtype, upstream = upstream.dtype, _as_rows(upstream)
    scaled = upstream * tf.cast(gamma, tf.float32)
    along = standard * _row_mean(scaled * standard)
    of_x = inverse * (scaled - _row_mean(scaled) - along)
    of_gamma = tf.reduce_sum(upstream * standard, axis=0)
    of_beta = tf.reduce_sum(upstream, axis=0)
    return (
        _scaled(standard, gamma, beta, tf.shape(x), dtype),
        tf.reshape(tf.cast(of_x, x.dtype), tf.shape(x)),
        tf.cast(of_gamma, gamma.dtype),
        tf.cast(of_beta, gamma.dtype),
        tf.zeros_like(epsilon),
    )


def _scaled(standard, gamma, beta, shape, dtype):
    """Returns the result of a norm in a shape and a dtype."""
    rows = standard * tf.cast(gamma, tf.float32) + tf.cast(beta, tf.float32)
    return tf.reshape(tf.cast(rows, dtype), shape)
