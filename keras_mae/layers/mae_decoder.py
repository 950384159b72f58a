"""The light decoder that predicts the pixels of every patch."""

import keras
import tensorflow as tf

from ..positive import check_positive
from .attention import last_tokens
from .compiled import LayerNorm
from .dense import Dense2D
from .position_embedding import PositionEmbedding
from .transformer import TransformerBlock
from .vit_encoder import token_init


@keras.saving.register_keras_serializable(package="keras_mae")
class MAEDecoder(keras.layers.Layer):
    """Puts mask tokens where patches were hidden and predicts all patches.

    Args:
        grid_size: `(rows, columns)` of patches.
        patch_dim: Integer. Values of a patch, `patch_size * patch_size * channels`.
        embed_dim: Integer. Width of the decoder's tokens.
        depth: Integer. Number of Transformer blocks.
        num_heads: Integer. Attention heads of a block.
        mlp_ratio: Float. Width of a block's MLP over `embed_dim`.
        layer_norm_eps: Float. The original's is 1e-6.

    Call arguments:
        latent: Float tensor `(batch, 1 + num_visible, encoder_dim)`.
        mask: Float tensor `(batch, num_patches)`, 1 = hidden.
        ids_restore: Integer tensor `(batch, num_patches)`: the place among the
            visible tokens of every patch that is visible.
        training: Boolean. Whether only hidden patches are predicted.

    Returns:
        Float tensor `(batch, num_patches, patch_dim)`; in training, zeros where
        patches are visible.

    Raises:
        ValueError: Sizes that are not positive or do not fit each other.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), section 3.
    """

    def __init__(
        self,
        grid_size,
        patch_dim,
        embed_dim=512,
        depth=8,
        num_heads=16,
        mlp_ratio=4.0,
        layer_norm_eps=1e-6,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive(embed_dim=embed_dim, num_heads=num_heads)
        self.grid_size = tuple(grid_size)
        self.patch_dim = patch_dim
        self.embed_dim = embed_dim
        self.depth = depth
        self.num_heads = num_heads
        self.mlp_ratio = mlp_ratio
        self.layer_norm_eps = layer_norm_eps

    def build(self, input_shape):
        policy, tokens = self.dtype_policy, (None, None, self.embed_dim)
        self._add_mask_token()
        self.decoder_embed = Dense2D(self.embed_dim, dtype=policy, name="decoder_embed")
        self.decoder_embed.build(input_shape)
        self.positions = PositionEmbedding(
            self.grid_size, trainable=False, dtype=policy, name="positions"
        )
        self.blocks = [
            TransformerBlock(
                self.num_heads,
                self.mlp_ratio,
                layer_norm_eps=self.layer_norm_eps,
                dtype=policy,
                name=f"blocks_{i}",
            )
            for i in range(self.depth)
        ]
        self.decoder_norm = LayerNorm(
            self.layer_norm_eps, dtype=policy, name="decoder_norm"
        )
        self.decoder_pred = Dense2D(self.patch_dim, dtype=policy, name="decoder_pred")
        for layer in (
            self.positions,
            *self.blocks,
            self.decoder_norm,
            self.decoder_pred,
        ):
            layer.build(tokens)

    def call(self, latent, mask, ids_restore, training=False):
        tokens = self.decoder_embed(latent)
        # Outside training, the number of visible patches may be unknown in a graph.
        if training and tokens.shape[1] - 1 < ids_restore.shape[1]:
            return self._predict_hidden(tokens, ids_restore, tokens.shape[1] - 1)
        patches = self._unshuffle(tokens, mask, ids_restore)
        return self._predict_all(tokens, patches)

    def compute_mask(self, inputs, previous_mask):
        """Returns None: our `mask` is not Keras' mask of padded time steps."""

    def compute_output_shape(self, latent_shape, ids_restore_shape):
        return (*ids_restore_shape, self.patch_dim)

    def get_config(self):
        names = ("grid_size", "patch_dim", "embed_dim", "depth", "num_heads")
        names += ("mlp_ratio", "layer_norm_eps")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _predict_hidden(self, tokens, ids_restore, num_visible):
        """Predicts hidden patches alone, in the order in which patches were shuffled.

        Blocks do not mind the order, and nobody asks the last one for the visible
        patches: the loss leaves them out.
        """
        num_patches = ids_restore.shape[1]
        num_hidden = num_patches - num_visible
        mask_tokens = tf.cast(tf.convert_to_tensor(self.mask_token), tokens.dtype)
        mask_tokens = tf.tile(mask_tokens, (tf.shape(tokens)[0], num_hidden, 1))
        patches = tf.concat([tokens[:, 1:], mask_tokens], axis=1)
        return self._predict_last(tokens, patches, ids_restore, num_hidden)

    def _predict_last(self, tokens, shuffled, ids_restore, num_hidden):
        """Predicts the last of shuffled patches, zeros for the others, in order."""
        patches = self.positions(shuffled, tf.argsort(ids_restore, axis=1))
        tokens = self._with_class_token(tokens, patches)
        for block in self.blocks[:-1]:
            tokens = block(tokens)
        for block in self.blocks[-1:]:
            tokens = block(tokens, num_queries=num_hidden)
        pred = self.decoder_pred(self.decoder_norm(last_tokens(tokens, num_hidden, 1)))
        num_visible = ids_restore.shape[1] - num_hidden
        pred = tf.pad(pred, ((0, 0), (num_visible, 0), (0, 0)))
        return tf.gather(pred, ids_restore, batch_dims=1)

    def _predict_all(self, tokens, patches):
        tokens = self._with_class_token(tokens, self.positions(patches))
        for block in self.blocks:
            tokens = block(tokens)
        return self.decoder_pred(self.decoder_norm(tokens)[:, 1:])

    def _add_mask_token(self):
        self.mask_token = self.add_weight(
            name="mask_token", shape=(1, 1, self.embed_dim), initializer=token_init()
        )

    def _with_class_token(self, tokens, patches):
        position = tf.cast(self.positions.class_position(), tokens.dtype)
        return tf.concat([tokens[:, :1] + position, patches], axis=1)

    def _unshuffle(self, tokens, mask, ids_restore):
        # Hidden patches point past the visible ones. Any token will do for them; where
        # nothing is visible, there is the class token, which stands first.
        places = tf.minimum(ids_restore + 1, tf.shape(tokens)[1] - 1)
        patches = tf.gather(tokens, places, batch_dims=1)  # (B, L, D)
        mask_token = tf.cast(tf.convert_to_tensor(self.mask_token), tokens.dtype)
        return tf.where(mask[..., None] > 0, mask_token, patches)
