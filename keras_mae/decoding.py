"""From the bytes of one picture to pixels of the channels that a model takes."""

import tensorflow as tf


def decode_image(image_bytes, num_channels):
    """Decodes one picture: gray, RGB, CMYK, palette, alpha or 16 bits.

    Args:
        image_bytes: Scalar string tensor, JPEG or PNG (or BMP; of a GIF one frame).
        num_channels: 1, 3 or 4. Alpha is dropped for 1 and 3, opaque where
            the file has none; 16 bits become 8.

    Returns:
        Uint8 tensor `(height, width, num_channels)`.

    Raises:
        ValueError: Another number of channels.
    """
    if num_channels not in (1, 3, 4):
        raise ValueError(
            "JPEG and PNG bytes hold 1, 3 or 4 channels. "
            f"Received: num_channels={num_channels}; pass arrays instead."
        )
    if num_channels == 3:
        return _decode(image_bytes, 3)
    # TensorFlow cannot decode CMYK or bitmaps as gray, nor JPEG with alpha.
    return tf.cond(
        _decodes_to(image_bytes, num_channels),
        lambda: _decode(image_bytes, num_channels),
        lambda: as_channels(_decode(image_bytes, 3), num_channels),
    )


def as_channels(pixels, num_channels):
    """Turns gray into RGB, RGB into gray, and adds an opaque alpha to RGB.

    Raises:
        ValueError: Other numbers of channels that differ.
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
    raise ValueError(
        f"the images have {received} channels and the model takes {num_channels}; "
        f"make the model with num_channels={received}"
    )


def is_cmyk(jpeg):
    """Whether JPEG bytes, a scalar string tensor, hold four channels."""
    return tf.io.extract_jpeg_shape(jpeg)[2] == 4


def _decode(image_bytes, channels):
    pixels = tf.io.decode_image(image_bytes, channels=channels, expand_animations=False)
    # Not `ensure_shape`: within `tf.cond`, TensorFlow may run it on the other branch.
    pixels.set_shape((None, None, channels))
    return pixels


def _decodes_to(image_bytes, num_channels):
    is_png = tf.strings.substr(image_bytes, 1, 3) == "PNG"
    if num_channels == 4:
        return is_png
    return tf.cond(
        tf.io.is_jpeg(image_bytes), lambda: ~is_cmyk(image_bytes), lambda: is_png
    )
