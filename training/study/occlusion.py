"""Part `occlusion`: how much of an object a mask leaves visible.

What is the object? With the setting `boxes`, what lies in the box of each held-out
image: a `.npy` of floats `(images, 4)`, by ascending index: top, left, bottom, right as
shares of the picture that the model sees. Without, the salient pixels of the image
itself, see `saliency.py`.
"""

import numpy as np
import tensorflow as tf

from keras_mae.layers import RandomMasking
from keras_mae.program import InputError

from ..data import evaluation_dataset
from .saliency import salient_pixels

HIDDEN = 0.05  # an object of which no more is visible counts as hidden
BINS = 20


def object_pixels(source, preprocessing, count, boxes=None):
    """Returns which pixels of held-out images are the object.

    Args:
        source: `Source`.
        preprocessing: The model's `keras_mae.Preprocessing`.
        count: Integer. So many images, spread over the source.
        boxes: Optional path of boxes, one for each image of the source.

    Returns:
        Boolean array `(images, height, width)`.

    Raises:
        InputError: The boxes cannot be used.
    """
    dataset = evaluation_dataset(source, preprocessing, 64, max_images=count)
    images = np.concatenate([batch for batch, _ in dataset.as_numpy_iterator()])
    if boxes is None:
        return salient_pixels(images)
    total, places = source.num_examples, np.arange(source.num_examples)
    chosen = places * len(images) % total < len(images)  # as the data set chooses
    return pixels_in_boxes(load_boxes(boxes, total)[chosen], images.shape[1:3])


def patch_shares(pixels, grid_size):
    """Returns which share of an image's object lies in which patch.

    Args:
        pixels: Boolean array `(n, height, width)`, see `object_pixels`.
        grid_size: `(rows, columns)` of patches.

    Returns:
        Float array `(found, num_patches)`, of the images with an object; rows add up
        to 1.

    Raises:
        ValueError: No image has one.
    """
    n, height, width = pixels.shape
    rows, columns = grid_size
    patches = pixels.reshape(n, rows, height // rows, columns, width // columns)
    areas = patches.sum((2, 4)).reshape(n, -1)
    areas = areas[areas.sum(1) > 0]
    if not len(areas):
        raise ValueError(f"expected images with an object; none of {n} has one")
    return areas / areas.sum(1, keepdims=True)


def visible_shares(shares, sampler, ratio, grid_size, draws, seed):
    """Returns which share of every object each mask leaves visible.

    Args:
        shares: Array `(n, num_patches)`, see `patch_shares`.
        sampler, ratio: Name of the mask sampler, and the fraction of patches to hide.
        grid_size: `(rows, columns)`.
        draws: Integer, masks of every image.
        seed: Integer, of the masks.

    Returns:
        Float array `(draws, n)`.
    """
    masking = RandomMasking(ratio, sampler, grid_size)
    patches = tf.zeros((*shares.shape, 1))
    visible = []
    for draw in range(draws):
        mask = masking(patches, seed=tf.constant([seed, draw]))["mask"]
        visible.append((shares * (1 - mask.numpy())).sum(1))
    return np.array(visible)


def occlusion_figures(visible):
    """Returns the distribution of visible shares as a dictionary.

    Besides mean, deviation and percentiles: `totally_hidden`, the share of masks that
    leave nothing of an object, `nearly_hidden`, at most 5 %, and `histogram`, shares of
    equal bins from 0 to 1.
    """
    counts, _ = np.histogram(np.clip(visible, 0, 1), BINS, (0, 1))
    percentiles = np.percentile(visible, (5, 25, 50, 75, 95))
    return {
        "visible_mean": float(visible.mean()),
        "visible_std": float(visible.std()),
        "totally_hidden": float((visible <= 1e-9).mean()),
        "nearly_hidden": float((visible <= HIDDEN + 1e-9).mean()),
        "percentiles": percentiles.tolist(),
        "histogram": (counts / visible.size).tolist(),
    }


def load_boxes(path, count):
    """Returns the boxes of a file, checked.

    Raises:
        InputError: It is not an array of `count` boxes.
    """
    try:
        boxes = np.load(path)
    except (OSError, ValueError) as error:
        raise InputError(f"boxes: {path} cannot be read: {error}") from error
    if boxes.shape != (count, 4) or not ((boxes >= 0) & (boxes <= 1)).all():
        raise InputError(
            f"boxes: expected {count} rows of top, left, bottom, right in [0, 1], one "
            f"for each held-out image; received {path} of shape {boxes.shape}"
        )
    return boxes


def pixels_in_boxes(boxes, size):
    """Returns which pixels have their middle in a box.

    Args:
        boxes: Float array `(n, 4)`: top, left, bottom, right in [0, 1].
        size: `(height, width)`.

    Returns:
        Boolean array `(n, height, width)`.
    """
    height, width = size
    row = (np.arange(height)[None, :, None] + 0.5) / height
    column = (np.arange(width)[None, None, :] + 0.5) / width
    top, left, bottom, right = boxes.T[:, :, None, None]
    return (row >= top) & (row < bottom) & (column >= left) & (column < right)
