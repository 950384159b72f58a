"""The light decoder that predicts the pixels of every patch."""

import keras
import tensorflow as tf

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

    Returns:
        Float tensor `(batch, num_patches, patch_dim)`.

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
        self.grid_size = tuple(grid_size)
        self.patch_dim = patch_dim
        self.embed_dim = embed_dim
        self.depth = depth
        self.num_heads = num_heads
        self.mlp_ratio = mlp_ratio
        self.layer_norm_eps = layer_norm_eps

    def build(self, input_shape):
        policy, tokens = self.dtype_policy, (None, None, self.embed_dim)
        self.mask_token = self.add_weight(
            name="mask_token", shape=(1, 1, self.embed_dim), initializer=token_init()
        )
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

    def call(self, latent, mask, ids_restore):
        tokens = self.decoder_embed(latent)
        patches = self.positions(self._unshuffle(tokens[:, 1:], mask, ids_restore))
        class_position = tf.cast(self.positions.class_position(), tokens.dtype)
        tokens = tf.concat([tokens[:, :1] + class_position, patches], axis=1)
        for block in self.blocks:
            tokens = block(tokens)
        return self.decoder_pred(self.decoder_norm(tokens)[:, 1:])

    def compute_mask(self, inputs, previous_mask):
        """Returns None: our `mask` is not Keras' mask of padded time steps."""

    def compute_output_shape(self, latent_shape, ids_restore_shape):
        return (*ids_restore_shape, self.patch_dim)

    def get_config(self):
        names = ("grid_size", "patch_dim", "embed_dim", "depth", "num_heads")
        names += ("mlp_ratio", "layer_norm_eps")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _unshuffle(self, visible, mask, ids_restore):
        # Hidden patches point past the visible ones; any row will do for them.
        places = tf.minimum(ids_restore, tf.shape(visible)[1] - 1)
        tokens = tf.gather(visible, places, batch_dims=1)  # (B, L, D)
        mask_token = tf.cast(tf.convert_to_tensor(self.mask_token), tokens.dtype)
        return tf.where(mask[..., None] > 0, mask_token, tokens)
