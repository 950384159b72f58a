"""What a convolutional network sees in place of a hole: the mean colour."""

import numpy as np
import tensorflow as tf


def fill_holes(images, hidden, value):
    """Returns images whose hidden pixels have one colour, whatever they held.

    Args:
        images: Float tensor `(batch, height, width, channels)`.
        hidden: Tensor `(batch, height, width, 1)`, 1 = hidden.
        value: One float a channel, as `hole_value` makes them.
    """
    return tf.where(hidden > 0, tf.cast(value, images.dtype), images)


def hole_value(fill, preprocessing):
    """Returns what the filling is after normalising, float32 `(channels,)`.

    Args:
        fill: Pixel values in [0, 255], one or one a channel, red first; `None` for the
            mean that `preprocessing` subtracts.
        preprocessing: A `Preprocessing`.

    Raises:
        ValueError: The number of values fits neither.
    """
    if fill is None:
        fill = 255 * np.float32(preprocessing.mean)
    if np.size(fill) not in (1, preprocessing.num_channels):
        raise ValueError(
            "`fill` must be one pixel value or one a channel "
            f"({preprocessing.num_channels}). Received: fill={fill}"
        )
    mean, std = np.float32(preprocessing.mean), np.float32(preprocessing.std)
    return (np.float32(fill) / 255 - mean) / std
