"""The same autoencoder of stock Keras layers: what ours is measured against.

Written as one would without this package, of the blocks of `plain_vit.py`. Like ours it
encodes visible patches alone.
"""

import keras
import tensorflow as tf
from keras import layers, ops

from keras_mae.losses import patch_targets

from .plain_vit import Token, block, norm


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
        self.norm_pix_loss = model.norm_pix_loss
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
        targets = patch_targets(ops.cast(patches, "float32"), self.norm_pix_loss)
        error = ops.mean(ops.square(ops.cast(pred, "float32") - targets), axis=-1)
        return ops.sum(error * mask) / ops.sum(mask)


def _encoder(model, num_visible):
    encoder, dim = model.encoder, model.encoder.embed_dim
    patches = keras.Input((num_visible, model.decoder.patch_dim))
    ids_keep = keras.Input((num_visible,), dtype="int32")
    x = layers.Dense(dim)(patches)
    positions = ops.convert_to_tensor(encoder.positions.pos_embed[0, 1:])
    x = x + ops.take(ops.cast(positions, x.dtype), ids_keep, axis=0)
    x = ops.concatenate([Token(1, dim)(x), x], axis=1)
    for _ in range(encoder.depth):
        x = block(x, encoder.num_heads, encoder.mlp_ratio)
    return keras.Model([patches, ids_keep], norm(x))


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
    positions = ops.convert_to_tensor(decoder.positions.pos_embed[:, 1:])
    patches += ops.cast(positions, x.dtype)
    x = ops.concatenate([x[:, :1], patches], axis=1)
    for _ in range(decoder.depth):
        x = block(x, decoder.num_heads, decoder.mlp_ratio)
    pred = layers.Dense(decoder.patch_dim)(norm(x)[:, 1:])
    return keras.Model([latent, ids_restore], pred)
