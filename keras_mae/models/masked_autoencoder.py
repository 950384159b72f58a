"""The masked autoencoder: encode what is visible, predict what is hidden."""

import keras
import tensorflow as tf

from ..from_preset import from_preset
from ..layers import MAEDecoder
from ..positive import check_positive
from .patch_autoencoder import PatchAutoencoder, as_inputs

DECODER_NAMES = ("decoder_embed_dim", "decoder_depth", "decoder_num_heads")


@keras.saving.register_keras_serializable(package="keras_mae")
class MaskedAutoencoder(PatchAutoencoder):
    """Hides most patches of an image and learns to predict their pixels.

    Trained by plain `fit` on images, or on `(images, labels)`, whose labels are
    ignored; no loss is passed to `compile`. The encoder sees visible patches alone.

    Args:
        image_size: Integer or `(height, width)`, multiples of `patch_size`.
        patch_size: Integer. Side of a patch in pixels.
        num_channels: Integer. Channels of the images.
        embed_dim, depth, num_heads: Integers. The encoder.
        decoder_embed_dim, decoder_depth, decoder_num_heads: Integers. The decoder.
        mlp_ratio: Float. Width of a block's MLP over its tokens' width.
        layer_norm_eps: Float. The original's is 1e-6.
        mask_ratio: Float in `[0, 1)`. Fraction of patches to hide; 0 hides none
            and scores all.
        mask_sampler: A `MaskSampler` or its name: `"random"`, `"block"`, `"grid"`,
            `"rectangle"`, `"half"`.
        norm_pix_loss: Boolean. Whether targets are normalised patch by patch.
        seed: Integer. Masks depend on it, the step and an image's place in the whole
            batch, on any number of replicas.
        preprocessing: A `Preprocessing` or `None` for the default one.

    Call arguments:
        inputs: Float images `(batch, height, width, channels)`, normalised by
            `preprocessing`; or a dictionary of `images` and either `noise`,
            `(batch, num_patches)`, whose lowest stay visible, or `mask`,
            `(batch, num_patches)`, 1 = hidden (outside training, images may
            hide different numbers).
        training: Boolean. Whether masks follow the step, and hidden patches alone
            are predicted (`pred` is 0 elsewhere); otherwise every call draws the same
            masks.

    Returns:
        A dictionary of `pred`, `(batch, num_patches, patch_size * patch_size *
        channels)`, and `mask`, float32 `(batch, num_patches)`, 1 = hidden.

    Raises:
        ValueError: Sizes that do not fit each other, or a mask ratio outside [0, 1).

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), section 3.
    """

    def __init__(
        self,
        image_size=224,
        patch_size=16,
        num_channels=3,
        embed_dim=768,
        depth=12,
        num_heads=12,
        decoder_embed_dim=512,
        decoder_depth=8,
        decoder_num_heads=16,
        mlp_ratio=4.0,
        layer_norm_eps=1e-6,
        mask_ratio=0.75,
        mask_sampler="random",
        norm_pix_loss=False,
        seed=0,
        preprocessing=None,
        name="masked_autoencoder",
        **kwargs,
    ):
        check_positive(
            decoder_embed_dim=decoder_embed_dim, decoder_num_heads=decoder_num_heads
        )
        encoder = {
            "image_size": image_size,
            "patch_size": patch_size,
            "num_channels": num_channels,
            "embed_dim": embed_dim,
            "depth": depth,
            "num_heads": num_heads,
            "mlp_ratio": mlp_ratio,
            "layer_norm_eps": layer_norm_eps,
            "preprocessing": preprocessing,
        }
        objective = (mask_ratio, mask_sampler, norm_pix_loss, seed)
        super().__init__(encoder, *objective, name=name, **kwargs)
        self.decoder = MAEDecoder(
            self.encoder.grid_size,
            self.patch_dim,
            decoder_embed_dim,
            decoder_depth,
            decoder_num_heads,
            mlp_ratio,
            layer_norm_eps,
            dtype=self.dtype_policy,
            name="decoder",
        )
        self.build((None, *self.encoder.image_size, num_channels))

    @classmethod
    def from_preset(
        cls,
        preset,
        weights=None,
        allow_missing_decoder=False,
        verbose=True,
        **overrides,
    ):
        """Builds a preset's model, with random weights or those of a file.

        Published weights are downloaded once, into Keras' cache
        (`$KERAS_HOME/models`), and checked against the published sums. Those of the
        authors are not for commercial use (CC-BY-NC 4.0).

        Args:
            preset: String, see `keras_mae.list_presets()`.
            weights: `None` for random weights; the path or the address of a .pth,
                .pt or .safetensors file, or the path of a folder of Hugging Face;
                or the name of published weights, of `list_presets("facebook")`:
                `"facebook/visualize"`, with the decoder, trained on raw pixels;
                `"facebook/visualize_ganloss"`, the same with a GAN loss (large
                alone); `"facebook/pretrain"`, an encoder alone, and
                `"facebook/pretrain_full"`, with its decoder, whose targets were
                normalised, behind the paper's results; `"huggingface"`,
                facebook/vit-mae-*, converted from `"facebook/visualize"`; and, for
                other classes, `"facebook/finetune"`, a classifier of ImageNet.
                `"facebook"` is `"facebook/visualize"` here, `"facebook/pretrain"`
                for a `ViTEncoder`, `"facebook/finetune"` for a `ViTClassifier`.
            allow_missing_decoder: Boolean. Whether the decoder is random where the
                file has none.
            verbose: Boolean. Whether to print what was found in the file.
            **overrides: Constructor arguments; with weights, those that may change
                (`image_size`, `num_channels`, `mask_ratio`, ...), see
                `keras_mae.load`.

        Raises:
            ValueError: The preset or the weights are unknown, and the error names
                the near ones; or the weights are not to be had or do not fit.
        """
        how = {"verbose": verbose, "allow_missing_decoder": allow_missing_decoder}
        return from_preset(cls, preset, weights, overrides, **how)

    @property
    def num_encoded(self):
        """Patches of an image that enter the encoder in training: the visible ones."""
        return self.masking.num_visible(self.num_patches)

    def build(self, input_shape):
        if not self.built:
            self.decoder.build((None, None, self.encoder.embed_dim))
            self.built = True

    def call(self, inputs, training=False):
        inputs = as_inputs(inputs)
        masked = self.hide(inputs, training)
        padded = inputs.get("mask") is not None and not training
        latent = self.encoder(
            masked["visible"],
            ids_keep=masked["ids_keep"],
            attention_mask=_not_hidden(masked) if padded else None,
            training=training,
        )
        pred = self.decoder(
            latent, masked["mask"], masked["ids_restore"], training=training
        )
        return {"pred": pred, "mask": masked["mask"]}

    def get_config(self):
        decoder = self.decoder
        return {
            **super().get_config(),
            **{
                name: getattr(decoder, name.removeprefix("decoder_"))
                for name in DECODER_NAMES
            },
        }


def _not_hidden(masked):
    """Which kept tokens are visible: images that hide more are padded, `(B, V)`."""
    return tf.gather(masked["mask"], masked["ids_keep"], batch_dims=1) == 0
