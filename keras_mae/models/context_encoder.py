"""The Context Encoder that learns features: a CNN that paints what a hole hides."""

import keras

from ..context_presets import CONTEXT_ENCODERS, context_arguments
from ..layers import AlexNetEncoder, ContextDecoder
from ..layers.holes import fill_holes, hole_value
from .patch_autoencoder import PatchAutoencoder, as_inputs

ENCODER_NAMES = (
    "image_size",
    "num_channels",
    "filters",
    "kernel_sizes",
    "strides",
    "pooled",
    "pool_size",
)
OBJECTIVE_NAMES = ("mask_ratio", "fill", "seed")


@keras.saving.register_keras_serializable(package="keras_mae")
class ContextEncoder(PatchAutoencoder):
    """Fills holes of an image with its mean colour and learns to predict their pixels.

    Convolutions up to pool5, a channel-wise fully connected layer that carries
    information over the whole image, a 1x1 convolution and up-convolutions. Trained by
    plain `fit` on images, or on `(images, labels)`, whose labels are ignored: L2 on
    the hole alone, as the paper's network for features (its adversarial loss diverged).
    `encoder` is used as a `ViTEncoder` is; its pooling is `"gap"`.

    The holes of the paper are `mask_sampler="centre"`, `"squares"` and `"region"`.

    Args:
        image_size: Integer or `(height, width)` that convolutions and pooling divide
            without remainder: 227, 195, 259, ... for the defaults.
        num_channels: Integer. Channels of the images.
        filters, kernel_sizes, strides, pooled, pool_size: See `AlexNetEncoder`.
        decoder_filters: Integers, one an up-convolution but the last. There is one for
            every halving of the encoder, two for its stride of 4.
        mask_ratio: Float in `[0, 1)`. Share of the image that is hidden.
        mask_sampler: A `MaskSampler` or its name.
        patch_size: Integer. Side of the squares that masks are made of; 1 for pixels.
        fill: Pixel values in [0, 255] of a hole, one or one a channel; `None` for the
            mean of `preprocessing`, in its order of channels. The authors' code fills
            red, green and blue with 117, 104, 123: the mean's values out of order.
        seed: Integer. Masks depend on it, the step and an image's place in the whole
            batch, on any number of replicas.
        preprocessing: A `Preprocessing` or `None` for the default one.

    Call arguments:
        inputs: Float images `(batch, height, width, channels)`, normalised by
            `preprocessing`; or a dictionary of `images` and either `noise`,
            `(batch, num_patches)`, whose lowest stay visible, or `mask`,
            `(batch, num_patches)`, 1 = hidden. `num_patches` counts pixels where
            `patch_size` is 1.
        training: Boolean. Whether masks follow the step; otherwise every call draws
            the same masks.

    Returns:
        A dictionary of `pred`, `(batch, num_patches, patch_size * patch_size *
        channels)`, and `mask`, float32 `(batch, num_patches)`, 1 = hidden.

    Raises:
        ValueError: Sizes that do not fit each other, or a mask ratio outside [0, 1).

    Reference: [Pathak et al., 2016](https://arxiv.org/abs/1604.07379), sections 3.1 and
        4.2.
    """

    encoder_class = AlexNetEncoder

    def __init__(
        self,
        image_size=227,
        num_channels=3,
        filters=(96, 256, 384, 384, 256),
        kernel_sizes=(11, 5, 3, 3, 3),
        strides=(4, 1, 1, 1, 1),
        pooled=(True, True, False, False, True),
        pool_size=3,
        decoder_filters=(128, 64, 64, 32),
        mask_ratio=0.25,
        mask_sampler="region",
        patch_size=1,
        fill=None,
        seed=0,
        preprocessing=None,
        name="context_encoder",
        **kwargs,
    ):
        encoder = {
            "image_size": image_size,
            "num_channels": num_channels,
            "filters": filters,
            "kernel_sizes": kernel_sizes,
            "strides": strides,
            "pooled": pooled,
            "pool_size": pool_size,
            "preprocessing": preprocessing,
        }
        objective = (mask_ratio, mask_sampler, False, seed)
        super().__init__(encoder, *objective, patch_size, name=name, **kwargs)
        self.fill = fill
        self.hole_value = hole_value(fill, self.preprocessing)
        self.decoder = ContextDecoder(
            self.encoder.sizes[::-1],
            num_channels,
            decoder_filters,
            dtype=self.dtype_policy,
            name="decoder",
        )
        self.build((None, *self.encoder.image_size, num_channels))

    @classmethod
    def from_preset(cls, preset, **overrides):
        """Builds a preset's model with random weights: nobody published any for Keras.

        Args:
            preset: `"context_encoder_alexnet"`, the paper's; `"context_encoder_small"`,
                32 px; `"context_encoder_micro"`, grey digits of 28 px.
            **overrides: Constructor arguments.

        Raises:
            ValueError: The preset is unknown; the error names the near ones.
        """
        return cls(**context_arguments(preset, CONTEXT_ENCODERS, overrides))

    def build(self, input_shape):
        if not self.built:
            self.decoder.build((None, *self.encoder.grid_size, self.encoder.embed_dim))
            self.built = True

    def call(self, inputs, training=False):
        inputs = as_inputs(inputs)
        mask = self.hide(inputs, training)["mask"]
        seen = fill_holes(inputs["images"], self.hidden_pixels(mask), self.hole_value)
        pred = self.decoder(self.encoder.maps(seen, training=training))
        return {"pred": self.patchify(pred), "mask": mask}

    def get_config(self):
        encoder = self.encoder.get_config()
        return {
            **keras.layers.Layer.get_config(self),
            **{name: encoder[name] for name in ENCODER_NAMES},
            **{name: getattr(self, name) for name in OBJECTIVE_NAMES},
            "decoder_filters": self.decoder.filters,
            "mask_sampler": self.masking.get_config()["mask_sampler"],
            "patch_size": self.patchify.patch_size,
            "preprocessing": encoder["preprocessing"],
        }
