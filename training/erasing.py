"""Random erasing: a rectangle of noise in some pictures."""

import tensorflow as tf

from .augmentation import random_crop_window

SCALE = (0.02, 1 / 3)  # share of the area
ASPECT = (0.3, 1 / 0.3)  # width over height


def random_erase(image, seed, probability):
    """Replaces a random rectangle by noise, sometimes.

    Args:
        image: Float32 tensor `(height, width, channels)`, normalised, so that noise
            of mean 0 and deviation 1 looks like pixels.
        seed: Integer tensor `(2,)`.
        probability: Float in [0, 1].

    Reference: [Zhong et al., 2017](https://arxiv.org/abs/1708.04896), with timm's
        ranges and its noise, one draw a pixel and channel.
    """
    chance, place = tf.unstack(tf.random.split(seed, 2))
    return tf.cond(
        tf.random.stateless_uniform([], chance) < probability,
        lambda: _erase(image, place),
        lambda: image,
    )


def _erase(image, seed):
    where, what = tf.unstack(tf.random.split(seed, 2))
    size = tf.shape(image)[:2]
    window = random_crop_window(size[0], size[1], where, SCALE, ASPECT)
    first, extent = window[:2], window[2:]
    shape = tf.concat([extent, tf.shape(image)[2:]], axis=0)
    around = tf.concat([tf.stack([first, size - first - extent], axis=1), [[0, 0]]], 0)
    noise = tf.pad(tf.random.stateless_normal(shape, what), around)
    inside = tf.pad(tf.ones(shape, tf.bool), around)
    return tf.ensure_shape(tf.where(inside, noise, image), image.shape)
