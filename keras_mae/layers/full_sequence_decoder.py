"""MAE's decoder behind an encoder that has seen mask tokens itself."""

import keras
import tensorflow as tf

from .mae_decoder import MAEDecoder


@keras.saving.register_keras_serializable(package="keras_mae")
class FullSequenceDecoder(MAEDecoder):
    """Predicts all patches from a sequence that is complete: no mask tokens here.

    The same layers as `MAEDecoder`, without its mask token.

    Args:
        **kwargs: As of `MAEDecoder`.

    Call arguments:
        latent: Float tensor `(batch, 1 + num_patches, encoder_dim)`, the patches in
            their own order.
        ids_restore: Optional integer tensor `(batch, num_patches)`: the rank of every
            patch; needed with `num_hidden`.
        num_hidden: Optional integer: only so many patches, of the highest ranks, are
            predicted, which costs less.

    Returns:
        Float tensor `(batch, num_patches, patch_dim)`; zeros where nothing was asked.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), table 1c,
        "encoder with [M]".
    """

    def call(self, latent, ids_restore=None, num_hidden=None):
        tokens = self.decoder_embed(latent)
        patches = tokens[:, 1:]
        if not num_hidden:
            return self._predict_all(tokens, patches)
        ids_shuffle = tf.argsort(ids_restore, axis=1)
        shuffled = tf.gather(patches, ids_shuffle, batch_dims=1)
        return self._predict_last(tokens, shuffled, ids_restore, num_hidden)

    def compute_output_shape(self, latent_shape, ids_restore_shape=None):
        return (latent_shape[0], latent_shape[1] - 1, self.patch_dim)

    def _add_mask_token(self):
        """Adds none: the encoder has one."""
