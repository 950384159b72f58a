"""What a served encoder computes: one function for each way of sending images."""

import tensorflow as tf

from keras_mae.layers import pool

BYTE_CHANNELS = (1, 3, 4)  # what JPEG and PNG can hold


def make_signatures(encoder, pooling="gap", tokens=True):
    """Returns the functions that a SavedModel serves.

    | name | input | preprocessing |
    | --- | --- | --- |
    | `serving_default` | `images`, float32 `(batch, height, width, channels)` | none |
    | `serve_uint8` | `images`, uint8 `(batch, any, any, channels)` | inside |
    | `serve_bytes` | `image_bytes`, string `(batch,)`, JPEG or PNG | inside |

    Args:
        encoder: Float32 `ViTEncoder`.
        pooling: `"gap"` or `"token"`.
        tokens: Boolean. Whether the tokens are returned beside the features.

    Returns:
        Dictionary of `tf.function`, by name. Each returns `features`, float32
        `(batch, embed_dim)`, and `tokens`, float32 `(batch, 1 + num_patches,
        embed_dim)`. `serve_bytes` is missing if `num_channels` is not 1, 3 or 4.
    """
    encode = _encode(encoder, pooling, tokens)
    signatures = {
        "serving_default": float_signature(encoder, pooling, tokens),
        "serve_uint8": _uint8_signature(encoder, encode),
    }
    if encoder.num_channels in BYTE_CHANNELS:
        signatures["serve_bytes"] = _bytes_signature(encoder, encode)
    return signatures


def float_signature(encoder, pooling="gap", tokens=True):
    """Returns the `tf.function` of normalised images; see `make_signatures`."""
    shape = (None, *encoder.image_size, encoder.num_channels)
    encode = _encode(encoder, pooling, tokens)

    @_function(tf.TensorSpec(shape, tf.float32, name="images"))
    def serve(images):
        return encode(tf.ensure_shape(images, shape))

    return serve


def _uint8_signature(encoder, encode):
    shape = (None, None, None, encoder.num_channels)

    @_function(tf.TensorSpec(shape, tf.uint8, name="images"))
    def serve(images):
        images = tf.ensure_shape(images, shape)
        return encode(encoder.preprocessing(images))

    return serve


def _bytes_signature(encoder, encode):
    preprocessing = encoder.preprocessing
    image = tf.TensorSpec((*encoder.image_size, encoder.num_channels), tf.float32)

    def decode_one(image_bytes):
        return preprocessing(preprocessing.decode(image_bytes))

    @_function(tf.TensorSpec((None,), tf.string, name="image_bytes"))
    def serve(image_bytes):
        image_bytes = tf.ensure_shape(image_bytes, (None,))
        return encode(tf.map_fn(decode_one, image_bytes, fn_output_signature=image))

    return serve


def _encode(encoder, pooling, tokens):
    def encode(images):
        encoded = encoder(images, training=False)
        features = {"features": pool(encoded, pooling)}
        return {**features, "tokens": encoded} if tokens else features

    return encode


def _function(spec):
    # Never compiled: TF Serving has no XLA for what `jit_compile` would leave behind.
    # The first op of each function is `ensure_shape`, because kernels check ranks by
    # aborting the whole server.
    return tf.function(input_signature=[spec], autograph=False)
