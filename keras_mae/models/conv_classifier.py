"""A classifier on top of a convolutional encoder, fine-tuned as a Transformer's is."""

import keras

from ..context_presets import CONTEXT_ENCODERS, context_arguments
from ..layers import AlexNetEncoder
from ..program import InputError
from .vit_classifier import ViTClassifier


@keras.saving.register_keras_serializable(package="keras_mae")
class ConvClassifier(ViTClassifier):
    """Classifies images by the mean of a `MapEncoder`'s last map.

    The mean goes through a norm and a dense layer, so that a Context Encoder is judged
    as a masked autoencoder is. (The paper puts AlexNet's fc6 and fc7 on top.)

    Args:
        encoder: A `MapEncoder`, such as `ContextEncoder.encoder`.
        num_classes: Integer.
        pooling: `"gap"`.
        seed, class_names: As of `ViTClassifier`.

    Call arguments:
        images: Float tensor `(batch, height, width, channels)`, normalised by
            `preprocessing`.
        training: Boolean.

    Returns:
        Float32 logits `(batch, num_classes)`.

    Raises:
        ValueError: Another pooling.

    Reference: [Pathak et al., 2016](https://arxiv.org/abs/1604.07379), section 5.2.
    """

    def __init__(
        self, encoder, num_classes, pooling="gap", name="conv_classifier", **kwargs
    ):
        super().__init__(encoder, num_classes, pooling, name=name, **kwargs)

    @classmethod
    def from_encoder(
        cls,
        encoder,
        num_classes,
        pooling="gap",
        seed=0,
        class_names=None,
        **overrides,
    ):
        """Builds a classifier from a copy of a pre-trained encoder.

        Args:
            encoder: A `MapEncoder`.
            num_classes, pooling, seed, class_names: As in the constructor.
            **overrides: Arguments of the new encoder: `image_size`, `preprocessing`,
                `dtype`.

        Raises:
            ValueError: The encoder has no such pooling, or nothing to drop.
        """
        encoder.check_pooling(pooling)
        if overrides.pop("drop_path_rate", 0.0):
            raise InputError(
                "convolutions are no branches that can be dropped: drop_path_rate must "
                f"be 0 for a {type(encoder).__name__}"
            )
        copy = type(encoder).from_config({**encoder.get_config(), **overrides})
        copy.set_weights(encoder.get_weights())
        more = {"seed": seed, "class_names": class_names, "dtype": copy.dtype_policy}
        return cls(copy, num_classes, pooling, **more)

    @classmethod
    def from_preset(cls, preset, num_classes, seed=0, **overrides):
        """Builds a `ContextEncoder` preset's encoder and a classifier on it.

        Args:
            preset: String, see `ContextEncoder.from_preset`.
            num_classes, seed: As in the constructor.
            **overrides: Arguments of `AlexNetEncoder`.

        Raises:
            ValueError: The preset is unknown; the error names the near ones.
        """
        arguments = context_arguments(preset, CONTEXT_ENCODERS, overrides)
        arguments.pop("decoder_filters", None)
        encoder = AlexNetEncoder(**arguments)
        return cls(encoder, num_classes, seed=seed, dtype=encoder.dtype_policy)

    def features(self, images, training=False):
        """Returns what the head sees, `(batch, embed_dim)`."""
        tokens = self.encoder(images, training=training)
        return self.fc_norm(self.encoder.pool(tokens))
