"""Inputs on which an artifact is compared with Keras, and what Keras makes of them."""

import numpy as np
import tensorflow as tf

from keras_mae.layers import pool
from keras_mae.program import InputError

from .signatures import BYTE_CHANNELS


def make_cases(preprocessing, seed=0):
    """Returns random batches for every signature that an encoder can have.

    Args:
        preprocessing: `Preprocessing` of the encoder.
        seed: Integer. Seed of the pictures.

    Returns:
        Dictionary from signature to a list of batches, the first one of a single
        image: float32 and uint8 arrays, and lists of bytes. Pictures are smooth, as
        photographs are, smaller and larger than the encoder's and just as large.
    """
    rng = np.random.default_rng(seed)
    (height, width), channels = preprocessing.image_size, preprocessing.num_channels
    odd, small = (height + height // 2 + 1, 2 * width + 3), (height // 2 + 1, width)
    cases = {
        "serving_default": [
            rng.normal(size=(n, height, width, channels)).astype("float32")
            for n in (1, 3)
        ],
        "serve_uint8": [
            smooth_pictures(rng, n, size, channels)
            for n, size in ((1, odd), (2, small), (3, (height, width)))
        ],
    }
    if channels in BYTE_CHANNELS:
        pixels = [smooth_pictures(rng, 1, s, channels)[0] for s in (odd, small)]
        cases["serve_bytes"] = _byte_cases(*pixels)
    return cases


def add_files(cases, preprocessing, paths):
    """Adds pictures of the user to the cases of every signature.

    Raises:
        InputError: A file is missing or no picture, or the encoder's channels are
            not those of pictures.
    """
    if not paths:
        return
    if "serve_bytes" not in cases:
        raise InputError(
            "JPEG and PNG files hold 1, 3 or 4 channels; --images cannot test a "
            f"model of {preprocessing.num_channels}"
        )
    pictures = [_read(path, preprocessing) for path in paths]
    images = np.stack([preprocessing(pixels) for _, pixels in pictures])
    cases["serving_default"].append(images)
    cases["serve_uint8"] += [pixels[None] for _, pixels in pictures]
    cases["serve_bytes"] += [[content] for content, _ in pictures]


def expected_outputs(encoder, pooling, signature, batch):
    """Returns what Keras computes, eagerly, for one batch of a signature.

    Args:
        encoder: Float32 `ViTEncoder`.
        pooling: `"gap"` or `"token"`.
        signature: `"serving_default"`, `"serve_uint8"` or `"serve_bytes"`.
        batch: What `make_cases` made for it.

    Returns:
        `{"features": (batch, dim), "tokens": (batch, n, dim)}`, float32 arrays.
    """
    preprocessing = encoder.preprocessing
    if signature == "serve_bytes":
        decoded = [preprocessing.decode(content) for content in batch]
        batch = tf.stack([preprocessing(pixels) for pixels in decoded])
    elif signature == "serve_uint8":
        batch = preprocessing(batch)
    tokens = encoder(batch, training=False)
    return {"features": pool(tokens, pooling).numpy(), "tokens": tokens.numpy()}


def max_error(expected, received):
    """Returns the largest difference between two dictionaries of arrays.

    Absolute, but divided by the largest expected value where that exceeds 1:
    encoders without a final norm have tokens in the hundreds. NaN and infinities
    come through; outputs that were not received do not count.
    """
    errors = [_error(expected[name], array) for name, array in received.items()]
    return float(np.max(errors))  # unlike max(), passes NaN on


def smooth_pictures(rng, n, size, channels):
    """Returns random uint8 pictures `(n, height, width, channels)` without edges."""
    coarse = rng.uniform(0, 255, (n, 4, 4, channels))
    pixels = tf.image.resize(coarse, size, "bicubic")
    return tf.cast(tf.clip_by_value(pixels, 0, 255), tf.uint8).numpy()


def _byte_cases(first, second):
    png = [tf.io.encode_png(pixels).numpy() for pixels in (first, second)]
    if first.shape[-1] == 4:  # JPEG has no alpha
        return [[png[0]], png]
    jpeg = tf.io.encode_jpeg(first).numpy()
    return [[jpeg], [png[1]], [jpeg, *png]]


def _read(path, preprocessing):
    try:
        with open(path, "rb") as file:
            content = file.read()
        return content, preprocessing.decode(content).numpy()
    except OSError as error:
        raise InputError(f"cannot read the picture {path}: {error.strerror}") from error
    except tf.errors.InvalidArgumentError as error:
        raise InputError(
            f"{path} is not a JPEG or PNG of {preprocessing.num_channels} channels"
        ) from error


def _error(expected, received):
    if expected.shape != received.shape:
        return float("inf")
    scale = max(1.0, float(np.max(np.abs(expected))))
    return float(np.max(np.abs(expected - received))) / scale
