"""The masked autoencoder: encode what is visible, predict what is hidden."""

import keras
import tensorflow as tf

from ..from_preset import from_preset
from ..layers import (
    MAEDecoder,
    Patchify,
    RandomMasking,
    Unpatchify,
    ViTEncoder,
)
from ..losses import masked_mean_squared_error, patch_statistics, patch_targets
from .step_seed import MASKS, step_seed
from .training_step import TrainingStep

ENCODER_NAMES = (
    "image_size",
    "patch_size",
    "num_channels",
    "embed_dim",
    "depth",
    "num_heads",
    "mlp_ratio",
    "layer_norm_eps",
)
DECODER_NAMES = ("decoder_embed_dim", "decoder_depth", "decoder_num_heads")
OBJECTIVE_NAMES = ("mask_ratio", "norm_pix_loss", "seed")


@keras.saving.register_keras_serializable(package="keras_mae")
class MaskedAutoencoder(TrainingStep, keras.Model):
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
        seed: Integer. Masks depend on it, the step, the replica and the position.
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
        super().__init__(name=name, **kwargs)
        self.autocast = False  # the layers cast; targets and noise must not be
        policy = self.dtype_policy
        self.encoder = ViTEncoder(
            image_size,
            patch_size,
            num_channels,
            embed_dim,
            depth,
            num_heads,
            mlp_ratio,
            layer_norm_eps=layer_norm_eps,
            preprocessing=preprocessing,
            dtype=policy,
        )
        self.decoder = MAEDecoder(
            self.encoder.grid_size,
            patch_size**2 * num_channels,
            decoder_embed_dim,
            decoder_depth,
            decoder_num_heads,
            mlp_ratio,
            layer_norm_eps,
            dtype=policy,
            name="decoder",
        )
        self.patchify = Patchify(patch_size, dtype=policy, name="patchify")
        self.unpatchify = Unpatchify(
            image_size, patch_size, dtype=policy, name="unpatchify"
        )
        self.masking = RandomMasking(
            mask_ratio, mask_sampler, self.encoder.grid_size, name="masking"
        )
        self.mask_ratio = mask_ratio
        self.norm_pix_loss = norm_pix_loss
        self.seed = seed
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
    def preprocessing(self):
        """The encoder's `Preprocessing`."""
        return self.encoder.preprocessing

    def build(self, input_shape):
        if not self.built:
            self.masking.num_visible(self.num_patches)  # or says what does not fit
            self.decoder.build((None, None, self.encoder.embed_dim))
            self.built = True

    @property
    def num_patches(self):
        """Patches of an image."""
        return self.encoder.grid_size[0] * self.encoder.grid_size[1]

    def call(self, inputs, training=False):
        inputs = inputs if isinstance(inputs, dict) else {"images": inputs}
        noise, mask = inputs.get("noise"), inputs.get("mask")
        seed = None
        if noise is None and mask is None:
            seed = step_seed(self, MASKS, training)
        masked = self.masking(
            self.patchify(inputs["images"]),
            noise=noise,
            mask=mask,
            seed=seed,
            training=training,
        )
        latent = self.encoder(
            masked["visible"],
            ids_keep=masked["ids_keep"],
            attention_mask=None if mask is None or training else _not_hidden(masked),
            training=training,
        )
        pred = self.decoder(
            latent, masked["mask"], masked["ids_restore"], training=training
        )
        return {"pred": pred, "mask": masked["mask"]}

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Returns the mean squared error of the hidden patches, a float32 scalar."""
        images = x["images"] if isinstance(x, dict) else x
        patches = self.patchify(tf.cast(images, tf.float32))
        loss = masked_mean_squared_error(
            patch_targets(patches, self.norm_pix_loss),
            y_pred["pred"],
            y_pred["mask"],
            sample_weight,
        )
        # Keras adds the replicas' losses up.
        return loss / tf.distribute.get_strategy().num_replicas_in_sync

    def reconstruct(self, images, mask=None, statistics="true"):
        """Predicts the hidden patches as pictures.

        Args:
            images: Float tensor `(batch, height, width, channels)`, normalised.
            mask: Optional tensor `(batch, num_patches)`, 1 = hidden.
            statistics: With `norm_pix_loss` the model predicts patches without
                their brightness and contrast. `"true"` borrows these from the
                hidden patches themselves, which the model never saw;
                `"visible"` takes the average of the image's visible patches.

        Returns:
            A dictionary of float32 tensors: `reconstruction` (all patches
            predicted) and `pasted` (visible patches pasted in), both `(batch,
            height, width, channels)` in [0, 255]; `mask` `(batch, num_patches)`.

        Raises:
            ValueError: Another `statistics`.
        """
        images = tf.convert_to_tensor(images, tf.float32)
        inputs = (
            {"images": images} if mask is None else {"images": images, "mask": mask}
        )
        outputs = self(inputs)
        patches, hidden = self.patchify(images), outputs["mask"][..., None]
        pred = tf.cast(outputs["pred"], tf.float32)
        if self.norm_pix_loss:
            mean, std = _statistics(patches, hidden, statistics)
            pred = pred * std + mean
        pasted = pred * hidden + patches * (1 - hidden)
        return {
            "reconstruction": self._pixels(pred),
            "pasted": self._pixels(pasted),
            "mask": outputs["mask"],
        }

    def get_config(self):
        encoder, decoder = self.encoder, self.decoder
        return {
            **keras.layers.Layer.get_config(self),
            **{name: getattr(encoder, name) for name in ENCODER_NAMES},
            **{
                name: getattr(decoder, name.removeprefix("decoder_"))
                for name in DECODER_NAMES
            },
            **{name: getattr(self, name) for name in OBJECTIVE_NAMES},
            "mask_sampler": self.masking.get_config()["mask_sampler"],
            "preprocessing": encoder.get_config()["preprocessing"],
        }

    def _pixels(self, patches):
        return self.preprocessing.denormalise(self.unpatchify(patches))


def _not_hidden(masked):
    """Which kept tokens are visible: images that hide more are padded, `(B, V)`."""
    return tf.gather(masked["mask"], masked["ids_keep"], batch_dims=1) == 0


def _statistics(patches, hidden, source):
    if source not in ("true", "visible"):
        raise ValueError(
            f"`statistics` must be 'true' or 'visible'. Received: statistics={source!r}"
        )
    mean, std = patch_statistics(patches)  # (B, L, 1)
    if source == "true":
        return mean, std
    count = tf.maximum(tf.reduce_sum(1 - hidden, axis=1, keepdims=True), 1)
    averages = [
        tf.reduce_sum(value * (1 - hidden), axis=1, keepdims=True) / count
        for value in (mean, std)
    ]
    return averages[0], averages[1]
