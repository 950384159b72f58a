"""The Context Encoder that inpaints: a bottleneck, and a discriminator to fool."""

import keras
import numpy as np
import tensorflow as tf

from ..context_losses import adversarial_losses, inpainting_loss
from ..context_presets import CONTEXT_INPAINTERS, context_arguments
from ..image_size import as_size
from ..layers import BottleneckEncoder, CentreSampler, get_sampler
from ..layers.holes import fill_holes, hole_value, paper_ratio
from ..layers.inpainting import Discriminator, InpaintingDecoder
from ..preprocessing import IMAGENET_MEAN, Preprocessing
from .adversarial_step import AdversarialStep
from .patch_autoencoder import PatchAutoencoder, as_inputs

ENCODER_NAMES = ("image_size", "num_channels", "filters", "bottleneck")
OBJECTIVE_NAMES = ("overlap", "overlap_weight", "adversarial_weight", "mask_ratio")


@keras.saving.register_keras_serializable(package="keras_mae")
class ContextInpainter(AdversarialStep, PatchAutoencoder):
    """Paints what a hole hides so that a discriminator takes it for real.

    With `mask_sampler="centre"`, the central half of both sides is painted and judged,
    of which the hole leaves a band of `overlap` pixels visible. With other samplers the
    whole image is painted and judged, by one more layer on either side, and the band
    lies around the hole.

    One `train_step` computes both losses of the same weights and makes one step of one
    optimizer: generator and discriminator each on its own loss. (The authors step the
    discriminator first and judge by the new one.) `compile(model.make_optimizer())`
    takes the authors' Adam, which is ten times slower for the discriminator; so does
    any `AdamW` with the arguments of `optimizers.adamw_arguments(model,
    optimizers.pretraining_rules(model))`. Other optimizers have one rate for both.

    Args:
        image_size: Integer or `(height, width)`, multiples of `2**len(filters)`.
        num_channels: Integer. Channels of the images.
        filters: Integers, one a convolution of stride 2. The decoder has them in
            reverse; the discriminator has as many as the decoder.
        bottleneck: Integer. Units of the bottleneck.
        mask_ratio: Float in `[0, 1)`, share of the image that is hidden; or `None`: the
            centre but for the band, or a quarter.
        mask_sampler: A `MaskSampler` or its name.
        patch_size: Integer. Side of the squares that masks are made of; 1 for pixels.
        overlap: Integer. Width in pixels of the band along the hole that is painted
            though it is visible.
        overlap_weight: Float. Weight of the band's L2 loss, of the hole's 1.
        adversarial_weight: Float in `[0, 1]`; the rest is the weight of the L2 loss.
        fill: Pixel values in [0, 255] of a hole, one or one a channel; `None` for the
            mean of ImageNet, red first, or without colours for that of
            `preprocessing`. The authors' code has 117, 104, 123: out of order.
        seed: Integer. Masks depend on it, the step and an image's place in the whole
            batch, on any number of replicas.
        preprocessing: A `Preprocessing` to [-1, 1], or `None` for the default one.

    Call arguments:
        inputs: Float images `(batch, height, width, channels)` in [-1, 1]; or a
            dictionary of `images` and either `noise` or `mask`, as of `ContextEncoder`.
        training: Boolean. Whether masks follow the step, and norms take the statistics
            of the batch.

    Returns:
        A dictionary of `pred`, `(batch, num_patches, patch_size * patch_size *
        channels)`, 0 where nothing is painted, and `mask`, float32 `(batch,
        num_patches)`, 1 = hidden.

    Raises:
        ValueError: Sizes that do not fit each other, or a preprocessing to another
            range than tanh has.

    Reference: [Pathak et al., 2016](https://arxiv.org/abs/1604.07379), sections 3.2 and
        5.1, and the authors' train.lua.
    """

    encoder_class = BottleneckEncoder

    def __init__(
        self,
        image_size=128,
        num_channels=3,
        filters=(64, 64, 128, 256, 512),
        bottleneck=4000,
        mask_ratio=None,
        mask_sampler="centre",
        patch_size=1,
        overlap=4,
        overlap_weight=10.0,
        adversarial_weight=0.001,
        fill=None,
        seed=0,
        preprocessing=None,
        name="context_inpainter",
        **kwargs,
    ):
        if preprocessing is None:
            preprocessing = Preprocessing(image_size, num_channels, 0.5, 0.5)
        encoder = {
            "image_size": image_size,
            "num_channels": num_channels,
            "filters": filters,
            "bottleneck": bottleneck,
            "preprocessing": preprocessing,
        }
        sampler = get_sampler(mask_sampler)
        if mask_ratio is None:
            mask_ratio = paper_ratio(sampler, as_size(image_size), overlap, patch_size)
        objective = (mask_ratio, sampler, False, seed)
        super().__init__(encoder, *objective, patch_size, name=name, **kwargs)
        _check_range(self.preprocessing)
        self.paints_centre = isinstance(sampler, CentreSampler)
        if self.paints_centre and mask_ratio > 0.25:
            raise ValueError(
                "`mask_ratio` must be at most 0.25 with mask_sampler='centre': a "
                f"quarter of the image is painted. Received: mask_ratio={mask_ratio}"
            )
        self.overlap = overlap
        self.overlap_weight = overlap_weight
        self.adversarial_weight = adversarial_weight
        self.fill = fill
        if fill is None and num_channels == 3:
            fill = 255 * np.float32(IMAGENET_MEAN)
        self.hole_value = hole_value(fill, self.preprocessing)
        self._add_networks(filters)
        self.build((None, *self.encoder.image_size, num_channels))

    @classmethod
    def from_preset(cls, preset, **overrides):
        """Builds a preset's model with random weights: nobody published any for Keras.

        Args:
            preset: `"context_inpainter_paper"`, 128 px; `"context_inpainter_small"`,
                32 px; `"context_inpainter_micro"`, grey digits of 28 px.
            **overrides: Constructor arguments.

        Raises:
            ValueError: The preset is unknown; the error names the near ones.
        """
        return cls(**context_arguments(preset, CONTEXT_INPAINTERS, overrides))

    def build(self, input_shape):
        if not self.built:
            self.decoder.build((None, 1, 1, self.encoder.embed_dim))
            shape = self.decoder.compute_output_shape((None,))
            self.discriminator.build(shape)
            self.built = True

    def call(self, inputs, training=False):
        inputs = as_inputs(inputs)
        mask = self.hide(inputs, training)["mask"]
        seen = fill_holes(inputs["images"], self.hidden_pixels(mask), self.hole_value)
        painted = self.decoder(self.encoder.maps(seen, training), training=training)
        return {"pred": self.patchify(self._in_place(painted)), "mask": mask}

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Returns the weighted L2 loss of hole and band, a float32 scalar."""
        images = x["images"] if isinstance(x, dict) else x
        loss = inpainting_loss(
            self._painted_part(tf.cast(images, tf.float32)),
            self._painted_part(self.unpatchify(y_pred["pred"])),
            self._painted_part(self.hidden_pixels(y_pred["mask"])),
            self.overlap,
            self.overlap_weight,
            sample_weight,
        )
        # Keras adds the replicas' losses up.
        return loss / tf.distribute.get_strategy().num_replicas_in_sync

    def judge(self, x, y_pred):
        """Returns the adversarial losses of generator and discriminator."""
        images = x["images"] if isinstance(x, dict) else x
        real = self._painted_part(images)
        painted = self._painted_part(self.unpatchify(y_pred["pred"]))
        logits = [self.discriminator(part, training=True) for part in (real, painted)]
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        return [loss / replicas for loss in adversarial_losses(*logits)]

    def test_step(self, data):
        """Judges by the L2 loss alone: only a training step asks the discriminator."""
        return {"loss": super().test_step(data)["loss"]}

    def get_config(self):
        encoder = self.encoder.get_config()
        return {
            **keras.layers.Layer.get_config(self),
            **{name: encoder[name] for name in ENCODER_NAMES},
            **{name: getattr(self, name) for name in OBJECTIVE_NAMES},
            "mask_sampler": self.masking.get_config()["mask_sampler"],
            "patch_size": self.patchify.patch_size,
            "fill": self.fill,
            "seed": self.seed,
            "preprocessing": encoder["preprocessing"],
        }

    def _add_networks(self, filters):
        policy, filters = self.dtype_policy, tuple(filters)
        # As many halvings as the painted part needs to be as small as the last map.
        painted = filters[1:] if self.paints_centre else filters
        self.decoder = InpaintingDecoder(
            self.encoder.map_size,
            self.encoder.num_channels,
            painted[::-1],
            dtype=policy,
            name="decoder",
        )
        self.discriminator = Discriminator(painted, dtype=policy, name="discriminator")

    def _painted_part(self, images):
        """Cuts out what is painted: the centre, or all."""
        if not self.paints_centre:
            return images
        top, left = self._corner()
        height, width = (side // 2 for side in self.encoder.image_size)
        return images[:, top : top + height, left : left + width]

    def _in_place(self, painted):
        if not self.paints_centre:
            return painted
        top, left = self._corner()
        return tf.pad(painted, ((0, 0), (top, top), (left, left), (0, 0)))

    def _corner(self):
        return [side // 4 for side in self.encoder.image_size]


def _check_range(preprocessing):
    mean, std = np.float32(preprocessing.mean), np.float32(preprocessing.std)
    lowest, highest = np.min(-mean / std), np.max((1 - mean) / std)
    if lowest < -1.001 or highest > 1.001:
        raise ValueError(
            "`preprocessing` must map pixels to [-1, 1], which is what tanh reaches: "
            f"mean=0.5 and std=0.5. Received: [{lowest:.2f}, {highest:.2f}]"
        )
