"""What autoencoders of patches share: parts, masks, objective, pictures."""

import keras
import tensorflow as tf

from ..image_size import check_image_size
from ..layers import Patchify, RandomMasking, Unpatchify, ViTEncoder
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
OBJECTIVE_NAMES = ("mask_ratio", "norm_pix_loss", "seed")


class PatchAutoencoder(TrainingStep, keras.Model):
    """Hides patches of an image and learns to predict their pixels; to be subclassed.

    A subclass adds what predicts, and `call`, which returns a dictionary of `pred`,
    `(batch, num_patches, patch_size * patch_size * channels)`, and `mask`, float32
    `(batch, num_patches)`, 1 = hidden.

    Args:
        encoder: Dictionary of arguments of the encoder, of `encoder_class`.
        mask_ratio, mask_sampler: As of `RandomMasking`.
        norm_pix_loss: Boolean. Whether targets are normalised patch by patch.
        seed: Integer. Masks depend on it, the step and an image's place in the whole
            batch, on any number of replicas.
        patch_size: Integer, or `None` for the encoder's. Side of what is hidden as one.
    """

    encoder_class = ViTEncoder

    def __init__(
        self,
        encoder,
        mask_ratio,
        mask_sampler,
        norm_pix_loss,
        seed,
        patch_size=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.autocast = False  # the layers cast; targets and noise must not be
        policy = self.dtype_policy
        self.encoder = self.encoder_class(**encoder, dtype=policy)
        size = self.encoder.image_size
        patch_size = encoder["patch_size"] if patch_size is None else patch_size
        self.patchify = Patchify(patch_size, dtype=policy, name="patchify")
        self.unpatchify = Unpatchify(size, patch_size, dtype=policy, name="unpatchify")
        self.masking = RandomMasking(
            mask_ratio, mask_sampler, self.unpatchify.grid_size, name="masking"
        )
        self.masking.num_visible(self.num_patches)  # or says what does not fit
        self.mask_ratio = mask_ratio
        self.norm_pix_loss = norm_pix_loss
        self.seed = seed

    @property
    def preprocessing(self):
        """The encoder's `Preprocessing`."""
        return self.encoder.preprocessing

    @property
    def num_patches(self):
        """Patches of an image."""
        return self.masking.grid_size[0] * self.masking.grid_size[1]

    @property
    def num_encoded(self):
        """Patches of an image that enter the encoder in training: all."""
        return self.num_patches

    @property
    def patch_dim(self):
        """Values of a patch."""
        return self.patchify.patch_size**2 * self.encoder.num_channels

    def hide(self, inputs, training=False):
        """Returns what `RandomMasking` makes of the images' patches.

        Args:
            inputs: Dictionary of `images`, and `noise` or `mask` if there is one.
            training: Boolean. Whether masks follow the step.
        """
        noise, mask = inputs.get("noise"), inputs.get("mask")
        seed = None
        if noise is None and mask is None:
            seed = step_seed(self, MASKS, training)
        return self.masking(
            self._patches(inputs["images"]),
            noise=noise,
            mask=mask,
            seed=seed,
            training=training,
        )

    def hidden_pixels(self, mask):
        """Returns the mask of pixels `(batch, height, width, 1)` of one of patches."""
        pixels = tf.repeat(mask[..., None], self.patchify.patch_size**2, axis=-1)
        return self.unpatchify(pixels)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Returns the mean error of the hidden patches, a float32 scalar."""
        images = x["images"] if isinstance(x, dict) else x
        patches = self._patches(tf.cast(images, tf.float32))
        loss = self.masked_error(
            patch_targets(patches, self.norm_pix_loss),
            y_pred["pred"],
            y_pred["mask"],
            sample_weight,
        )
        # Keras adds the replicas' losses up.
        return loss / tf.distribute.get_strategy().num_replicas_in_sync

    def masked_error(self, targets, pred, mask, sample_weight=None):
        """The objective: see `masked_mean_squared_error`."""
        return masked_mean_squared_error(targets, pred, mask, sample_weight)

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
        patches, hidden = self._patches(images), outputs["mask"][..., None]
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
        encoder = self.encoder
        return {
            **keras.layers.Layer.get_config(self),
            **{name: getattr(encoder, name) for name in ENCODER_NAMES},
            **{name: getattr(self, name) for name in OBJECTIVE_NAMES},
            "mask_sampler": self.masking.get_config()["mask_sampler"],
            "preprocessing": encoder.get_config()["preprocessing"],
        }

    def _patches(self, images):
        check_image_size(images, self.encoder.image_size)
        return self.patchify(images)

    def _pixels(self, patches):
        return self.preprocessing.denormalise(self.unpatchify(patches))


def as_inputs(inputs):
    """Returns the dictionary of inputs that images alone stand for."""
    return inputs if isinstance(inputs, dict) else {"images": inputs}


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
