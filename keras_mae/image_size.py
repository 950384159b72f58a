"""Sizes of images: what a caller may give, and what images must have."""

import numbers

import numpy as np
import tensorflow as tf


def as_size(image_size):
    """Returns `(height, width)` of an integer or a pair.

    Raises:
        ValueError: It is neither, or a side is not positive.
    """
    if isinstance(image_size, numbers.Integral):
        sides = [image_size, image_size]
    else:
        sides = np.ravel(np.asarray(image_size, dtype=object)).tolist()
    if len(sides) != 2 or not all(map(_is_side, sides)):
        raise ValueError(
            "`image_size` must be a positive integer or two of them, (height, width). "
            f"Received: image_size={image_size}"
        )
    height, width = map(int, sides)
    return (height, width)


def check_image_size(images, image_size):
    """Raises where images are known to have another size than a model's.

    Positions and decoders belong to one size: of images of another one, patches would
    get the positions of others, or a single patch those of all. Sizes that a graph
    does not know are not checked.

    Args:
        images: Tensor or array `(batch, height, width, channels)`.
        image_size: `(height, width)` of the model.

    Raises:
        ValueError: The size is another one.
    """
    shape = tf.TensorShape(images.shape)
    if not shape.is_compatible_with((None, *image_size, None)):
        height, width = image_size
        raise ValueError(
            f"`images` must be of the model's height x width, {height} x {width}: "
            f"(batch, {height}, {width}, channels). Received: {_told(shape)}"
        )


def _is_side(side):
    return isinstance(side, numbers.Integral) and side > 0


def _told(shape):
    if shape.rank != 4:
        return f"shape {tuple(shape)}"
    return f"{shape[1]} x {shape[2]}, shape {tuple(shape)}"
