"""What a SavedModel serves: one function for each way of sending images."""

import tensorflow as tf

from .decoding import BYTE_CHANNELS, blank_invalid, decode_batch, decode_leniently
from .limits import Limits, require


def make_signatures(outputs, limits=None):
    """Returns the functions that a SavedModel serves.

    | name | input | preprocessing |
    | --- | --- | --- |
    | `serving_default` | `images`, float32 `(batch, height, width, channels)` | none |
    | `serve_uint8` | `images`, uint8 `(batch, any, any, channels)` | inside |
    | `serve_bytes` | `image_bytes`, string `(batch,)`, JPEG or PNG | inside |
    | `serve_bytes_lenient` | the same | inside |
    | `reconstruct` | `images`, as `serving_default`, and `mask` | none |

    Args:
        outputs: `Outputs`.
        limits: `Limits`, or `None` for the default ones.

    Returns:
        Dictionary of `tf.function`, by name. Each returns the outputs. Bytes are served
        where `num_channels` is 1, 3 or 4; the lenient signature returns `valid`, too,
        boolean `(batch,)`, and zeros for pictures that are not. `reconstruct` is there
        if it is among the outputs' names: its `mask`, float32 `(batch, num_patches)`,
        is 1 where a patch is hidden, and it returns `reconstruction` and `pasted`,
        float32 `(batch, height, width, channels)`, pixels in [0, 255].
    """
    limits = limits or Limits()
    signatures = {}
    if outputs.names != ("reconstruct",):
        signatures |= {
            "serving_default": _float_signature(outputs, limits),
            "serve_uint8": _uint8_signature(outputs, limits),
        }
        if outputs.encoder.num_channels in BYTE_CHANNELS:
            signatures["serve_bytes"] = _bytes_signature(outputs, limits)
            signatures["serve_bytes_lenient"] = _lenient_signature(outputs, limits)
    if "reconstruct" in outputs.names:
        signatures["reconstruct"] = _reconstruct_signature(outputs, limits)
    return signatures


def _float_signature(outputs, limits):
    @_function(outputs.spec)
    def serve(images):
        return outputs(_checked_images(images, outputs.spec.shape, limits))

    return serve


def _uint8_signature(outputs, limits):
    preprocessing = outputs.encoder.preprocessing
    shape = (None, None, None, preprocessing.num_channels)

    @_function(tf.TensorSpec(shape, tf.uint8, name="images"))
    def serve(images):
        images = limits.check_batch(tf.ensure_shape(images, shape))
        return outputs(preprocessing(limits.check_pixels(images)))

    return serve


def _bytes_signature(outputs, limits):
    @_function(tf.TensorSpec((None,), tf.string, name="image_bytes"))
    def serve(image_bytes):
        image_bytes = limits.check_batch(tf.ensure_shape(image_bytes, (None,)))
        preprocessing = outputs.encoder.preprocessing
        return outputs(decode_batch(image_bytes, preprocessing, limits))

    return serve


def _lenient_signature(outputs, limits):
    @_function(tf.TensorSpec((None,), tf.string, name="image_bytes"))
    def serve(image_bytes):
        image_bytes = limits.check_batch(tf.ensure_shape(image_bytes, (None,)))
        preprocessing = outputs.encoder.preprocessing
        images, valid = decode_leniently(image_bytes, preprocessing, limits)
        return blank_invalid(outputs(images), valid)

    return serve


def _reconstruct_signature(outputs, limits):
    model, shape = outputs.model, (None, outputs.model.num_patches)

    @_function(outputs.spec, tf.TensorSpec(shape, tf.float32, name="mask"))
    def serve(images, mask):
        images = _checked_images(images, outputs.spec.shape, limits)
        mask = _checked_mask(tf.ensure_shape(mask, shape), images)
        results = model.reconstruct(images, mask)
        return {name: results[name] for name in ("reconstruction", "pasted")}

    return serve


def _checked_images(images, shape, limits):
    images = limits.check_batch(tf.ensure_shape(images, shape))
    return tf.debugging.check_numerics(images, "images must be finite")


def _checked_mask(mask, images):
    sizes = tf.shape(mask)[0], tf.shape(images)[0]
    message = "expected a mask for each image; received masks and images:"
    mask = require(mask, sizes[0] == sizes[1], message, *sizes)
    is_mask = tf.reduce_all((mask == 0) | (mask == 1))
    mask = require(mask, is_mask, "a mask holds 0 (visible) and 1 (hidden) only")
    leaves_some = tf.reduce_all(tf.reduce_any(mask == 0, axis=1))
    return require(mask, leaves_some, "a mask leaves at least one patch visible")


def _function(*specs):
    # Never compiled: TF Serving has no XLA for what `jit_compile` would leave behind.
    # The first op of each function is `ensure_shape`, because kernels check ranks by
    # aborting the whole server.
    return tf.function(input_signature=specs, autograph=False)
