"""From what a source holds, pixels or JPEG/PNG bytes, to pixels of the right channels.

Ordinary images go through `preprocessing.decode`, which exported models run as
well. What it cannot decode takes a way round over RGB: CMYK or bitmaps as one
channel, JPEG as four.
"""

import tensorflow as tf

from keras_mae.program import InputError


def pixels_of(image, preprocessing):
    """Returns pixels `(height, width, num_channels)` in [0, 255] of one image.

    Args:
        image: uint8 tensor `(height, width, channels)`, or a scalar string of
            JPEG, PNG or BMP bytes. Alpha is dropped, 16 bits become 8.
        preprocessing: `keras_mae.preprocessing.Preprocessing`.
    """
    num_channels = preprocessing.num_channels
    if image.dtype != tf.string:
        return as_channels(image, num_channels)
    if num_channels == 3:
        return preprocessing.decode(image)
    return tf.cond(
        _decodes_to(image, num_channels),
        lambda: preprocessing.decode(image),
        lambda: as_channels(_decode_rgb(image), num_channels),
    )


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


def as_channels(pixels, num_channels):
    """Turns gray into RGB, RGB into gray, and adds an opaque alpha to RGB.

    Raises:
        InputError: Other numbers of channels that differ.
    """
    received = pixels.shape[-1]
    if received == num_channels:
        return pixels
    if (received, num_channels) == (1, 3):
        return tf.image.grayscale_to_rgb(pixels)
    if (received, num_channels) == (3, 1):
        return tf.image.rgb_to_grayscale(pixels)
    if (received, num_channels) == (3, 4):
        opaque = tf.cast(tf.fill(tf.shape(pixels[..., :1]), 255), pixels.dtype)
        return tf.concat([pixels, opaque], axis=-1)
    raise InputError(
        f"the images have {received} channels and the model takes {num_channels}; "
        f"make the model with num_channels={received}"
    )


def can_decode(encoded):
    """Decodes bytes and returns True; a `tf.data` map over broken ones fails."""
    return tf.size(_decode_rgb(encoded)) > 0


def _decode_rgb(encoded):
    pixels = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    return tf.ensure_shape(pixels, (None, None, 3))


def _decodes_to(encoded, num_channels):
    is_png = tf.strings.substr(encoded, 1, 3) == "PNG"
    if num_channels != 1:
        return is_png
    return tf.cond(tf.io.is_jpeg(encoded), lambda: ~_is_cmyk(encoded), lambda: is_png)


def _is_cmyk(jpeg):
    return tf.io.extract_jpeg_shape(jpeg)[2] == 4


def _crop_of_jpeg(jpeg, choose_window, num_channels):
    shape = tf.io.extract_jpeg_shape(jpeg)
    window = choose_window(shape[0], shape[1])

    def decode(channels):
        pixels = tf.io.decode_and_crop_jpeg(jpeg, window, channels=channels)
        return as_channels(pixels, num_channels)

    if num_channels != 1:
        return decode(3)
    return tf.cond(_is_cmyk(jpeg), lambda: decode(3), lambda: decode(1))
