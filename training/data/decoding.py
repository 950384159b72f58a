"""From what a source holds, pixels or bytes, to pixels of the right channels."""

import tensorflow as tf

from keras_mae.decoding import as_channels, decode_image, is_cmyk
from keras_mae.program import InputError


def pixels_of(image, preprocessing):
    """Returns pixels `(height, width, num_channels)` in [0, 255] of one image.

    Args:
        image: uint8 tensor `(height, width, channels)`, or a scalar string of
            JPEG, PNG or BMP bytes. Alpha is dropped, 16 bits become 8.
        preprocessing: `keras_mae.preprocessing.Preprocessing`.
    """
    try:
        if image.dtype == tf.string:
            return preprocessing.decode(image)
        return as_channels(image, preprocessing.num_channels)
    except ValueError as error:
        raise InputError(str(error)) from error


def crop_of(image, choose_window, preprocessing):
    """Returns the pixels of a window of one image, decoding no more than needed.

    Args:
        image: As for `pixels_of`.
        choose_window: Function of height and width that returns the window, an
            int32 tensor `(4,)`: top, left, height, width.
        preprocessing: `keras_mae.preprocessing.Preprocessing`.
    """

    def crop_pixels():
        pixels = pixels_of(image, preprocessing)
        return crop(pixels, choose_window(tf.shape(pixels)[0], tf.shape(pixels)[1]))

    if image.dtype != tf.string:
        return crop_pixels()
    return tf.cond(
        tf.io.is_jpeg(image),
        lambda: _crop_of_jpeg(image, choose_window, preprocessing.num_channels),
        crop_pixels,
    )


def crop(pixels, window):
    """Returns the window (top, left, height, width) of pixels `(h, w, channels)`."""
    top, left, height, width = tf.unstack(window)
    return pixels[top : top + height, left : left + width]


def can_decode(encoded):
    """Decodes bytes and returns True; a `tf.data` map over broken ones fails."""
    return tf.size(decode_image(encoded, 3)) > 0


def _crop_of_jpeg(jpeg, choose_window, num_channels):
    shape = tf.io.extract_jpeg_shape(jpeg)
    window = choose_window(shape[0], shape[1])

    def decode(channels):
        pixels = tf.io.decode_and_crop_jpeg(jpeg, window, channels=channels)
        return as_channels(pixels, num_channels)

    if num_channels != 1:
        return decode(3)
    return tf.cond(is_cmyk(jpeg), lambda: decode(3), lambda: decode(1))
