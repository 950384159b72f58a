"""The same autoencoder of stock Keras layers: what ours is measured against.

Written as one would without this package: `Dense`, `LayerNormalization`, Keras' exact
GELU, products and softmax from `keras.ops`. Like ours it encodes visible patches alone.
"""

import keras
import tensorflow as tf
from keras import layers, ops


class PlainAutoencoder(keras.Model):
    """A masked autoencoder of the sizes of another, of stock Keras layers.

    Args:
        model: A `MaskedAutoencoder` that hides patches.

    Call arguments:
        inputs: Float images `(batch, height, width, channels)`.

    Returns:
        Predictions and patches, `(batch, num_patches, patch_dim)`, and the mask.
    """

    def __init__(self, model):
        super().__init__()
        self.patchify = model.patchify
        self.num_patches = model.num_patches
        self.num_visible = model.masking.num_visible(model.num_patches)
        self.encoder = _encoder(model, self.num_visible)
        self.decoder = _decoder(model, self.num_visible)

    def call(self, inputs, training=False):
        patches = self.patchify(inputs)
        noise = tf.random.uniform((tf.shape(inputs)[0], self.num_patches))
        ids_shuffle = ops.argsort(noise, axis=1)
        ids_restore = ops.argsort(ids_shuffle, axis=1)
        ids_keep = ids_shuffle[:, : self.num_visible]
        visible = ops.take_along_axis(patches, ids_keep[..., None], axis=1)
        latent = self.encoder([visible, ids_keep])
        mask = ops.cast(ids_restore >= self.num_visible, "float32")
        return self.decoder([latent, ids_restore]), patches, mask

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        pred, patches, mask = y_pred
        error = ops.mean(ops.square(pred - patches), axis=-1)
        return ops.sum(error * mask) / ops.sum(mask)


class Token(layers.Layer):
    """One trained token, repeated.

    Args:
        number: Integer. How often.
        dim: Integer. Its width.
    """

    def __init__(self, number, dim):
        super().__init__()
        self.shape = (number, dim)
        self.token = self.add_weight(shape=(1, 1, dim), initializer="random_normal")

    def call(self, like):
        return ops.broadcast_to(self.token, (ops.shape(like)[0], *self.shape))


def _encoder(model, num_visible):
    encoder, dim = model.encoder, model.encoder.embed_dim
    patches = keras.Input((num_visible, model.decoder.patch_dim))
    ids_keep = keras.Input((num_visible,), dtype="int32")
    positions = ops.convert_to_tensor(encoder.positions.pos_embed[0, 1:])
    x = layers.Dense(dim)(patches) + ops.take(positions, ids_keep, axis=0)
    x = ops.concatenate([Token(1, dim)(x), x], axis=1)
    for _ in range(encoder.depth):
        x = _block(x, encoder.num_heads)
    return keras.Model([patches, ids_keep], _norm(x))


def _decoder(model, num_visible):
    decoder, num_patches, dim = (
        model.decoder,
        model.num_patches,
        model.decoder.embed_dim,
    )
    latent = keras.Input((1 + num_visible, model.encoder.embed_dim))
    ids_restore = keras.Input((num_patches,), dtype="int32")
    x = layers.Dense(dim)(latent)
    hidden = Token(num_patches - num_visible, dim)(x)
    patches = ops.concatenate([x[:, 1:], hidden], axis=1)
    patches = ops.take_along_axis(patches, ids_restore[..., None], axis=1)
    patches += ops.convert_to_tensor(decoder.positions.pos_embed[:, 1:])
    x = ops.concatenate([x[:, :1], patches], axis=1)
    for _ in range(decoder.depth):
        x = _block(x, decoder.num_heads)
    pred = layers.Dense(decoder.patch_dim)(_norm(x)[:, 1:])
    return keras.Model([latent, ids_restore], pred)


def _block(x, num_heads):
    x = x + _attention(_norm(x), num_heads)
    hidden = layers.Dense(4 * x.shape[-1])(_norm(x))
    hidden = layers.Activation(_gelu)(hidden)
    return x + layers.Dense(x.shape[-1])(hidden)


def _attention(x, num_heads):
    _, number, dim = x.shape
    shape = (-1, number, 3, num_heads, dim // num_heads)
    qkv = ops.transpose(ops.reshape(layers.Dense(3 * dim)(x), shape), (2, 0, 3, 1, 4))
    q, k, v = qkv[0], qkv[1], qkv[2]
    scores = ops.matmul(q * shape[-1] ** -0.5, ops.transpose(k, (0, 1, 3, 2)))
    attended = ops.transpose(ops.matmul(ops.softmax(scores), v), (0, 2, 1, 3))
    return layers.Dense(dim)(ops.reshape(attended, (-1, number, dim)))


def _norm(x):
    return layers.LayerNormalization(epsilon=1e-6)(x)


def _gelu(x):
    return keras.activations.gelu(x, approximate=False)
