"""What a request may hold: refused with `INVALID_ARGUMENT` before it costs anything.

A PNG of a few kilobytes can announce 900 million pixels, and a row of one pixel's
height grows to a large picture where its shorter side is resized. Headers tell.
"""

import dataclasses

import tensorflow as tf

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"  # how the files begin
PNG_HEADER = 33  # bytes: the beginning and a complete IHDR


@dataclasses.dataclass(frozen=True)
class Limits:
    """Sizes of requests that a SavedModel takes.

    Args:
        max_batch: Integer. Images of a request.
        max_pixels: Integer. Pixels of a picture, height times width.
        max_ratio: Integer. Longer side of a picture over its shorter side.
    """

    max_batch: int = 256
    max_pixels: int = 50_000_000
    max_ratio: int = 100

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {value}")

    def check_model(self, image_size):
        """Raises a `ValueError` if pictures twice as large as the model's do not pass.

        With such pictures, each export is compared with Keras.
        """
        least = 4 * image_size[0] * image_size[1]
        if self.max_pixels < least:
            raise ValueError(
                f"`max_pixels` must be at least {least}, for a model of images of "
                f"{image_size[0]} x {image_size[1]}. Received: {self.max_pixels}"
            )

    def check_batch(self, batch):
        """Returns a tensor whose first axis is as long as a batch may be."""
        size = tf.shape(batch)[0]
        message = f"a request holds 1 to {self.max_batch} images; received:"
        return require(batch, (size >= 1) & (size <= self.max_batch), message, size)

    def check_pixels(self, images):
        """Returns images `(batch, height, width, channels)` that may be resized."""
        return self._check_size(images, tf.shape(images)[1:3])

    def check_bytes(self, image_bytes):
        """Returns the bytes of a picture, a scalar, whose header lets it be decoded.

        Whether the rest of it is a JPEG or PNG, too, shows when it is decoded.
        """
        is_png = _begins(image_bytes, PNG) & (
            tf.strings.length(image_bytes) >= PNG_HEADER
        )
        is_jpeg = _begins(image_bytes, JPEG)
        message = "expected the bytes of a JPEG or PNG file; received, in length:"
        known = require(
            image_bytes, is_png | is_jpeg, message, tf.strings.length(image_bytes)
        )
        size = tf.cond(
            is_png,
            lambda: _png_size(known),
            lambda: tf.io.extract_jpeg_shape(known)[:2],
        )
        return self._check_size(known, size)

    def _check_size(self, tensor, size):
        height, width = tf.unstack(tf.cast(size, tf.int64), 2)
        shorter, longer = tf.minimum(height, width), tf.maximum(height, width)
        fits = (
            (shorter >= 1)
            & (longer <= self.max_ratio * shorter)
            & (height * width <= self.max_pixels)
        )
        message = (
            f"a picture has 1 to {self.max_pixels} pixels and no side of more than "
            f"{self.max_ratio} times the other; received height and width:"
        )
        return require(tensor, fits, message, height, width)


def require(tensor, condition, message, *values):
    """Returns the tensor once the condition holds; else `INVALID_ARGUMENT`."""
    check = tf.debugging.Assert(condition, [message, *values])
    with tf.control_dependencies([] if tf.executing_eagerly() else [check]):
        return tf.identity(tensor)


def _begins(image_bytes, magic):
    return tf.strings.substr(image_bytes, 0, len(magic)) == magic


def _png_size(png):
    """Returns height and width; those beyond 31 bits are negative, thus refused."""
    sides = tf.io.decode_raw(tf.strings.substr(png, 16, 8), tf.int32, False)
    return tf.reverse(sides, [0])
