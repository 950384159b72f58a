"""Blocks of DCGAN: convolutions without bias, batch norms, and their first weights."""

import keras
import tensorflow as tf

MOMENTUM, EPSILON = 0.9, 1e-5  # torch's defaults; its momentum is one less this one
SLOPE = 0.2


def convolution(filters, kernel, strides, name, dtype):
    """Returns a convolution of stride 2 that halves, or of stride 1 without padding.

    The authors zero all biases at every step: there are none here.
    """
    shared = _shared(strides, name, dtype)
    return keras.layers.Conv2D(filters, kernel, strides, **shared)


def up_convolution(filters, kernel, strides, name, dtype):
    """Returns what `convolution` undoes the strides of."""
    shared = _shared(strides, name, dtype)
    return keras.layers.Conv2DTranspose(filters, kernel, strides, **shared)


def norm(name, dtype):
    """Returns a batch norm whose statistics are those of all replicas' images."""
    return keras.layers.BatchNormalization(
        momentum=MOMENTUM,
        epsilon=EPSILON,
        gamma_initializer=_normal(1.0),
        synchronized=True,
        dtype=dtype,
        name=name,
    )


def leaky_relu(maps):
    """LeakyReLU of slope 0.2."""
    return tf.nn.leaky_relu(maps, SLOPE)


def _shared(strides, name, dtype):
    return {
        "padding": "same" if strides == 2 else "valid",
        "use_bias": False,
        "kernel_initializer": _normal(0.0),
        "dtype": dtype,
        "name": name,
    }


def _normal(mean):
    return keras.initializers.RandomNormal(mean, 0.02)
