"""Random crops and flips that depend on nothing but a seed, an epoch and an example.

The crop draws as torchvision's RandomResizedCrop does: its share of the area is
uniform, the logarithm of its aspect ratio is uniform. TensorFlow's own
`sample_distorted_bounding_box` draws heights instead: asked for 0.2 to 1 of a
400 x 300 photograph, it keeps 0.46 of it on average, torchvision's rule 0.49.
"""

import math

import tensorflow as tf

from keras_mae.program import InputError

NUM_TRIES = 10  # as in torchvision


def example_seed(seed, epoch, index):
    """Returns the seed of one example in one epoch, an integer tensor `(2,)`."""
    run_seed = tf.stack([tf.cast(seed, tf.int64), tf.cast(epoch, tf.int64)])
    return tf.random.experimental.stateless_fold_in(run_seed, index)


def random_crop_window(height, width, seed, scale=(0.2, 1.0), aspect=(3 / 4, 4 / 3)):
    """Draws the window of a random resized crop.

    All tries are drawn at once and the first that fits is taken; where none
    fits, the largest centred window of an allowed aspect ratio.

    Args:
        height, width: Integer scalars. Size of the image in pixels.
        seed: Integer tensor `(2,)`.
        scale: Pair of floats in `(0, 1]`. Share of the area, from and to.
        aspect: Pair of positive floats. Width over height, from and to.

    Returns:
        Int32 tensor `(4,)`: top, left, height and width in pixels, always
        inside the image.
    """
    image_size = tf.cast(tf.stack([height, width]), tf.float32)
    draws = tf.random.stateless_uniform([4, NUM_TRIES], seed)
    sizes = _crop_sizes(draws[0], draws[1], tf.reduce_prod(image_size), scale, aspect)
    fits = tf.reduce_all((sizes >= 1) & (sizes <= image_size), axis=1)
    first = tf.argmax(fits)  # the first True; 0 where there is none
    corner = _corner(draws[2:, first], image_size - sizes[first])
    window = tf.concat([corner, sizes[first]], axis=0)
    window = tf.where(fits[first], window, _centre_window(image_size, aspect))
    return tf.cast(window, tf.int32)


def clipped_crop_window(height, width, seed, scale=(0.08, 1.0), aspect=(3 / 4, 4 / 3)):
    """Draws the window of a random resized crop at the first try, clipped to the image.

    The linear probe was published with this one. What sticks out is cut off, so
    elongated crops lose area; `random_crop_window` draws again.

    Args and returns as of `random_crop_window`.
    """
    image_size = tf.cast(tf.stack([height, width]), tf.float32)
    draws = tf.random.stateless_uniform([4, 1], seed)
    sizes = _crop_sizes(draws[0], draws[1], tf.reduce_prod(image_size), scale, aspect)
    size = tf.clip_by_value(sizes[0], 1.0, image_size)
    corner = _corner(draws[2:, 0], image_size - size)
    return tf.cast(tf.concat([corner, size], axis=0), tf.int32)


def random_flip(pixels, seed):
    """Mirrors pixels `(height, width, channels)` left to right, half of the time."""
    coin = tf.random.stateless_uniform(
        [], tf.random.experimental.stateless_fold_in(seed, 1)
    )
    return tf.cond(coin < 0.5, lambda: tf.reverse(pixels, [1]), lambda: pixels)


def check_crop(scale, aspect):
    """Raises `InputError` where a crop's ranges make no sense."""
    if not 0 < scale[0] <= scale[1] <= 1:
        raise InputError(
            "crop_scale must be two shares of the area, 0 < from <= to <= 1; "
            f"received {tuple(scale)}"
        )
    if not 0 < aspect[0] <= aspect[1]:
        raise InputError(
            "crop_aspect must be two ratios of width to height, 0 < from <= to; "
            f"received {tuple(aspect)}"
        )


def _crop_sizes(area_draws, aspect_draws, image_area, scale, aspect):
    """Returns heights and widths `(tries, 2)` of draws in [0, 1)."""
    area = image_area * (scale[0] + area_draws * (scale[1] - scale[0]))
    low, high = math.log(aspect[0]), math.log(aspect[1])
    ratio = tf.exp(low + aspect_draws * (high - low))
    return tf.round(tf.sqrt(tf.stack([area / ratio, area * ratio], axis=1)))


def _corner(draws, slack):
    # As randint(0, slack + 1); float32 may round the product up to slack + 1.
    return tf.minimum(tf.floor(draws * (slack + 1)), slack)


def _centre_window(image_size, aspect):
    height, width = tf.unstack(image_size)
    size = tf.stack(
        [
            tf.minimum(height, tf.round(width / aspect[0])),
            tf.minimum(width, tf.round(height * aspect[1])),
        ]
    )
    size = tf.maximum(size, 1.0)  # an image of one pixel, say
    return tf.concat([tf.floor((image_size - size) / 2), size], axis=0)
