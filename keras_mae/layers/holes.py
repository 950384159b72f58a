"""Holes of images: how large the paper's are, and what a network sees in them."""

import numpy as np
import tensorflow as tf

from .context_samplers import CentreSampler


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


def paper_ratio(sampler, image_size, overlap=0, patch_size=1):
    """Returns the mask ratio of the paper's holes: the centre but for a band, or 1/4.

    Args:
        sampler: A `MaskSampler`.
        image_size: `(height, width)`.
        overlap: Integer. Width in pixels of the central half's visible band.
        patch_size: Integer. Side of the squares that masks are made of.

    Raises:
        ValueError: No hole is left in the centre, or it is not made of such squares.
    """
    if not isinstance(sampler, CentreSampler):
        return 0.25
    hole = [side // 2 - 2 * overlap for side in image_size]
    if min(hole) < 1 or any(side % patch_size for side in hole):
        raise ValueError(
            "`overlap` must leave a hole in the central half of the image, of whole "
            f"squares of {patch_size} px. Received: {overlap=} with {image_size=}"
        )
    # Half a square less than the hole, so that rounding does not add one.
    squares = hole[0] * hole[1] / patch_size**2 - 0.5
    return squares * patch_size**2 / (image_size[0] * image_size[1])
