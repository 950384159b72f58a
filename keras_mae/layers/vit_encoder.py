"""The Vision Transformer that every system of this package encodes with."""

import keras
import numpy as np
import tensorflow as tf

from ..from_preset import from_preset
from ..image_size import as_size, check_image_size
from ..positive import check_positive
from ..preprocessing import matching_preprocessing
from ..program import unknown
from .compiled import LayerNorm
from .draws import fold_in
from .patches import PatchEmbed, Patchify, grid_of
from .position_embedding import PositionEmbedding
from .transformer import TransformerBlock

POOLINGS = ("gap", "token")


def pool(tokens, pooling):
    """Returns one feature an image: `"gap"`, the mean of the patches, or `"token"`.

    Args:
        tokens: Float tensor `(batch, 1 + num_patches, dim)`, the class token first.
        pooling: `"gap"` or `"token"`.

    Returns:
        Float tensor `(batch, dim)`.

    Raises:
        ValueError: Another `pooling`.
    """
    if pooling not in POOLINGS:
        raise ValueError(
            f"`pooling` must be one of {POOLINGS}. Received: pooling={pooling!r}"
        )
    if pooling == "token":
        return tokens[:, 0]
    return tf.reduce_mean(tokens[:, 1:], axis=1)


def check_pooling(pooling):
    """Raises an `InputError` for a pooling that encoders do not have."""
    if pooling not in POOLINGS:
        raise unknown("pooling", pooling, POOLINGS)


@keras.saving.register_keras_serializable(package="keras_mae")
class ViTEncoder(keras.Model):
    """Encodes images, or only their visible patches, to tokens.

    A model of its own: `encoder.predict(images)` extracts tokens and
    `encoder.save("encoder.keras")` keeps it, its preprocessing included.

    Args:
        image_size: Integer or `(height, width)`, multiples of `patch_size`.
        patch_size: Integer. Side of a patch in pixels.
        num_channels: Integer. Channels of the images.
        embed_dim: Integer. Width of the tokens, a multiple of 4 and of `num_heads`.
        depth: Integer. Number of Transformer blocks.
        num_heads: Integer. Attention heads of a block.
        mlp_ratio: Float. Width of a block's MLP over `embed_dim`.
        drop_path_rate: Float in `[0, 1)`. Stochastic depth of the last block,
            growing linearly from 0.
        layer_norm_eps: Float. The original's is 1e-6.
        final_norm: Boolean. Whether the tokens are normalised at the end.
        train_positions: Boolean. Whether the positions are trained (fine-tuning).
        preprocessing: A `Preprocessing`, its configuration, or `None` for the
            default one of `image_size` and `num_channels`.

    Call arguments:
        inputs: Float images `(batch, height, width, channels)`, normalised by
            `preprocessing`; or, together with `ids_keep`, some of their patches
            `(batch, num_visible, patch_size * patch_size * channels)`.
        ids_keep: Optional integer tensor `(batch, num_visible)`, which patches.
        attention_mask: Optional boolean tensor `(batch, num_visible)`; False =
            padding that no token looks at.
        training: Boolean. Whether branches are dropped.
        seed: Optional integer tensor `(2,)` of the stochastic depth.

    Returns:
        Float tensor `(batch, 1 + num_visible, embed_dim)`, the class token first.

    Raises:
        ValueError: Sizes that are not positive or do not fit each other; or, in a
            call, images of another size.

    Reference: [Dosovitskiy et al., 2020](https://arxiv.org/abs/2010.11929), 3.1;
        [He et al., 2022](https://arxiv.org/abs/2111.06377), section 3.
    """

    def __init__(
        self,
        image_size=224,
        patch_size=16,
        num_channels=3,
        embed_dim=768,
        depth=12,
        num_heads=12,
        mlp_ratio=4.0,
        drop_path_rate=0.0,
        layer_norm_eps=1e-6,
        final_norm=True,
        train_positions=False,
        preprocessing=None,
        name="encoder",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.autocast = False  # the layers cast; targets and noise must not be
        check_positive(embed_dim=embed_dim, num_heads=num_heads)
        self.image_size = as_size(image_size)
        self.patch_size = patch_size
        self.num_channels = num_channels
        self.embed_dim = embed_dim
        self.depth = depth
        self.num_heads = num_heads
        self.mlp_ratio = mlp_ratio
        self.drop_path_rate = drop_path_rate
        self.layer_norm_eps = layer_norm_eps
        self.final_norm = final_norm
        self.train_positions = train_positions
        self.grid_size = grid_of(image_size, patch_size)
        self.preprocessing = matching_preprocessing(
            preprocessing, self.image_size, num_channels
        )
        self._add_layers()
        self.build((None, *self.image_size, num_channels))

    @classmethod
    def from_preset(cls, preset, weights=None, verbose=True, **overrides):
        """Builds a preset's encoder, with random weights or those of a file.

        Args:
            preset: String, see `keras_mae.list_presets()`.
            weights: As of `MaskedAutoencoder.from_preset`, but `"facebook"` is
                `"facebook/pretrain"`: the encoder alone, whose targets were
                normalised, behind the paper's results. Of a file that holds more,
                the rest is left out.
            verbose: Boolean. Whether to print what was found in the file.
            **overrides: Constructor arguments but `final_norm`.

        Raises:
            ValueError: The preset or the weights are unknown, and the error names
                the near ones; or the weights are not to be had or do not fit.
        """
        return from_preset(cls, preset, weights, overrides, verbose=verbose)

    def _add_layers(self):
        policy = self.dtype_policy
        self.patchify = Patchify(self.patch_size, dtype=policy, name="patchify")
        self.patch_embed = PatchEmbed(self.embed_dim, dtype=policy, name="patch_embed")
        self.positions = PositionEmbedding(
            self.grid_size,
            trainable=self.train_positions,
            dtype=policy,
            name="positions",
        )
        rates = np.linspace(0, self.drop_path_rate, self.depth)
        self.blocks = [
            TransformerBlock(
                self.num_heads,
                self.mlp_ratio,
                float(rate),
                self.layer_norm_eps,
                dtype=policy,
                name=f"blocks_{i}",
            )
            for i, rate in enumerate(rates)
        ]
        self.norm = None
        if self.final_norm:
            self.norm = LayerNorm(self.layer_norm_eps, dtype=policy, name="norm")

    def build(self, input_shape):
        if self.built:
            return
        tokens = (None, None, self.embed_dim)
        self.cls_token = self.add_weight(
            name="cls_token", shape=(1, 1, self.embed_dim), initializer=token_init()
        )
        self.patch_embed.build((None, None, self.patch_size**2 * self.num_channels))
        self.positions.build(tokens)
        for block in self.blocks:
            block.build(tokens)
        if self.norm is not None:
            self.norm.build(tokens)
        self.built = True

    def call(
        self, inputs, ids_keep=None, attention_mask=None, training=False, seed=None
    ):
        tokens = self.embed(inputs, ids_keep)
        return self.transform(tokens, attention_mask, training, seed)

    def transform(self, tokens, attention_mask=None, training=False, seed=None):
        """Returns what the blocks and the norm make of embedded tokens.

        Args:
            tokens: Float tensor `(batch, 1 + n, embed_dim)`, of `embed`.
            attention_mask, training, seed: As in the call.
        """
        if attention_mask is not None:
            attention_mask = tf.pad(
                attention_mask, ((0, 0), (1, 0)), constant_values=True
            )
        for i, block in enumerate(self.blocks):
            folded = None if seed is None else fold_in(seed, i)
            tokens = block(
                tokens, attention_mask=attention_mask, training=training, seed=folded
            )
        return tokens if self.norm is None else self.norm(tokens)

    def embed(self, inputs, ids_keep=None, corrupt=None):
        """Returns the tokens that enter the first block, the class token first.

        Args:
            inputs, ids_keep: As in the call.
            corrupt: Optional function of the embedded patches `(batch, n, embed_dim)`
                that returns what takes their places, before positions are added.
        """
        tokens = self.patch_embed(self._patches(inputs) if ids_keep is None else inputs)
        if corrupt is not None:
            tokens = corrupt(tokens)
        tokens = self.positions(tokens, ids_keep=ids_keep)
        cls_token = tf.convert_to_tensor(self.cls_token)
        cls_token = tf.cast(cls_token + self.positions.class_position(), tokens.dtype)
        return prepend(cls_token, tokens)

    def features(self, images, pooling="gap"):
        """Returns one feature an image, `(batch, embed_dim)`; see `pool`."""
        return self.pool(self(images), pooling)

    def pool(self, tokens, pooling="gap"):
        """Returns one feature an image of this encoder's tokens; see `pool`."""
        return pool(tokens, pooling)

    def check_pooling(self, pooling):
        """Raises an `InputError` for a pooling that this encoder does not have."""
        check_pooling(pooling)

    def get_config(self):
        config = keras.layers.Layer.get_config(self)
        for name in CONFIG_NAMES:
            config[name] = getattr(self, name)
        serialize = keras.saving.serialize_keras_object
        return {**config, "preprocessing": serialize(self.preprocessing)}

    def _patches(self, images):
        check_image_size(images, self.image_size)
        return self.patchify(images)


CONFIG_NAMES = (
    "image_size",
    "patch_size",
    "num_channels",
    "embed_dim",
    "depth",
    "num_heads",
    "mlp_ratio",
    "drop_path_rate",
    "layer_norm_eps",
    "final_norm",
    "train_positions",
)


def token_init():
    """Initialiser of class and mask tokens: N(0, 0.02)."""
    return keras.initializers.RandomNormal(stddev=0.02)


def prepend(token, tokens):
    """Puts `token` `(1, 1, dim)` before `tokens` `(batch, n, dim)`."""
    first = tf.broadcast_to(token, (tf.shape(tokens)[0], 1, tokens.shape[-1]))
    return tf.concat([first, tokens], axis=1)
