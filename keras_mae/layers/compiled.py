"""Elementwise chains as one compiled kernel each, inside a training step on a CPU.

TensorFlow runs `0.5 * x * (1 + erf(x / sqrt(2)))` as five passes over memory and
its gradient as ten more; XLA makes one pass of each. Matrix products, on the
other hand, are faster outside XLA. So a training step compiles the chains alone.
Exported graphs must not hold compiled functions, and XLA cannot reach the
variables of several replicas: there, everything is ordinary ops.
"""

import contextlib
import contextvars

import keras
import tensorflow as tf

# Replicas are traced in threads of their own, which begin with the default.
_COMPILING = contextvars.ContextVar("compiling", default=False)
_RSQRT_2, _RSQRT_2PI = 0.7071067811865476, 0.3989422804014327


@contextlib.contextmanager
def compiled_chains(model):
    """Compiles chains that are traced inside, where the model's training allows it.

    Args:
        model: A compiled `keras.Model`: not with `jit_compile`, whose step XLA
            compiles as a whole, nor on several replicas or an accelerator.
    """
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    on_cpu = not tf.config.list_logical_devices("GPU")
    token = _COMPILING.set(on_cpu and replicas == 1 and not model.jit_compile)
    try:
        yield
    finally:
        _COMPILING.reset(token)


@keras.saving.register_keras_serializable(package="keras_mae", name="gelu")
def gelu(x):
    """Exact GELU, `0.5 * x * (1 + erf(x / sqrt(2)))`.

    Spelled out, because Keras emits `Erfc`, which ONNX does not have.
    """
    return _compiled_gelu(x) if _COMPILING.get() else _gelu(x)


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
        if not _COMPILING.get():
            return super().call(inputs)
        gamma, beta = (tf.convert_to_tensor(w) for w in (self.gamma, self.beta))
        epsilon = tf.constant(self.epsilon, tf.float32)
        return _compiled_norm(inputs, gamma, beta, epsilon)


def _compiled(function):
    return tf.function(function, jit_compile=True, autograph=False)


def _gelu(x):
    return 0.5 * x * (1.0 + tf.math.erf(x * _RSQRT_2))


@_compiled
def _gelu_forward(x):
    return tf.cast(_gelu(tf.cast(x, tf.float32)), x.dtype)


@_compiled
def _gelu_backward(x, upstream):
    x, dtype = tf.cast(x, tf.float32), upstream.dtype
    slope = 0.5 * (1.0 + tf.math.erf(x * _RSQRT_2))
    slope += x * tf.exp(-0.5 * x * x) * _RSQRT_2PI
    return tf.cast(tf.cast(upstream, tf.float32) * slope, dtype)


@tf.custom_gradient
def _compiled_gelu(x):
    return _gelu_forward(x), lambda upstream: _gelu_backward(x, upstream)


def _standardise(x, epsilon):
    centred = x - tf.reduce_mean(x, axis=-1, keepdims=True)
    variance = tf.reduce_mean(centred * centred, axis=-1, keepdims=True)
    inverse = tf.math.rsqrt(variance + epsilon)
    return centred * inverse, inverse


@_compiled
def _norm_forward(x, gamma, beta, epsilon):
    standard, _ = _standardise(tf.cast(x, tf.float32), epsilon)
    gamma, beta = tf.cast(gamma, tf.float32), tf.cast(beta, tf.float32)
    return tf.cast(standard * gamma + beta, x.dtype)


@_compiled
def _norm_backward(x, gamma, epsilon, upstream):
    standard, inverse = _standardise(tf.cast(x, tf.float32), epsilon)
    upstream = tf.cast(upstream, tf.float32)
    scaled = upstream * tf.cast(gamma, tf.float32)
    along = tf.reduce_mean(scaled * standard, axis=-1, keepdims=True)
    mean = tf.reduce_mean(scaled, axis=-1, keepdims=True)
    gradient = inverse * (scaled - mean - standard * along)
    return tf.cast(gradient, x.dtype), upstream * standard, upstream


@tf.custom_gradient
def _compiled_norm(x, gamma, beta, epsilon):
    def gradient(upstream):
        of_x, of_gamma, of_beta = _norm_backward(x, gamma, epsilon, upstream)
        sums = (_sum_rows(of_gamma), _sum_rows(of_beta))
        return of_x, *(tf.cast(s, gamma.dtype) for s in sums), None

    return _norm_forward(x, gamma, beta, epsilon), gradient


def _sum_rows(x):
    """Sums all but the last axis, as a product, which uses all cores."""
    rows = tf.reshape(x, (-1, x.shape[-1]))
    return tf.matmul(tf.ones((1, tf.shape(rows)[0]), x.dtype), rows)[0]
