"""A classifier on top of the encoder: fine-tuning, and training from scratch."""

import keras
import tensorflow as tf

from ..from_preset import from_preset
from ..layers import Dense2D, LayerNorm, ViTEncoder, pool
from ..positive import check_positive
from ..program import InputError
from .step_seed import STOCHASTIC_DEPTH, step_seed
from .training_step import TrainingStep


@keras.saving.register_keras_serializable(package="keras_mae")
class ViTClassifier(TrainingStep, keras.Model):
    """Classifies images by the pooled tokens of a `ViTEncoder`.

    With `pooling="gap"` the mean of the patches goes through `fc_norm` (the encoder
    has no final norm); with `"token"` the class token, normed by the encoder.

    Args:
        encoder: A `ViTEncoder` whose `final_norm` is `pooling == "token"`;
            `from_encoder` makes it from a pre-trained one.
        num_classes: Integer.
        pooling: `"gap"` or `"token"`.
        seed: Integer, of the stochastic depth.
        class_names: Optional list of strings, a name for each class; they travel with
            the saved model.

    Call arguments:
        images: Float tensor `(batch, height, width, channels)`, normalised by
            `preprocessing`.
        training: Boolean. Whether branches are dropped.

    Returns:
        Float32 logits `(batch, num_classes)`.

    Raises:
        ValueError: The pooling is unknown, the encoder does not fit it, there is no
            class, or there are not as many names as classes.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), A.1, fine-tuning.
    """

    def __init__(
        self,
        encoder,
        num_classes,
        pooling="gap",
        seed=0,
        class_names=None,
        name="vit_classifier",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.autocast = False
        if isinstance(encoder, dict):
            encoder = keras.saving.deserialize_keras_object(encoder)
        check_positive(num_classes=num_classes)
        encoder.check_pooling(pooling)
        if encoder.final_norm != (pooling == "token"):
            raise ValueError(
                "`encoder.final_norm` must be True for pooling 'token' and False for "
                "'gap', whose norm comes after the mean; `ViTClassifier.from_encoder` "
                f"sets it. Received: final_norm={encoder.final_norm}, {pooling=}"
            )
        if class_names is not None and len(class_names) != num_classes:
            raise ValueError(
                f"`class_names` must name each of the {num_classes} classes. "
                f"Received: {len(class_names)} names"
            )
        self.encoder = encoder
        self.num_classes = num_classes
        self.pooling = pooling
        self.seed = seed
        self.class_names = None if class_names is None else tuple(class_names)
        self.fc_norm = None
        if pooling == "gap":
            self.fc_norm = LayerNorm(
                encoder.layer_norm_eps, dtype=self.dtype_policy, name="fc_norm"
            )
        small = keras.initializers.RandomNormal(stddev=2e-5)
        self.head = Dense2D(
            num_classes, kernel_initializer=small, dtype="float32", name="head"
        )
        self.build((None, *encoder.image_size, encoder.num_channels))

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

        Positions become trainable, as in the original's fine-tuning; at another
        `image_size` they are computed anew.

        Args:
            encoder: A `ViTEncoder`.
            num_classes, pooling, seed, class_names: As in the constructor.
            **overrides: Arguments of the new `ViTEncoder`: `drop_path_rate`, ...

        Raises:
            ValueError: Pooling `"token"` of an encoder without final norm.
        """
        if pooling == "token" and not encoder.final_norm:
            raise InputError(
                "pooling 'token' needs the encoder's final norm, and this encoder is "
                "without final norm, as pooling 'gap' leaves it: expected an encoder "
                "as it was pre-trained, or pooling 'gap'"
            )
        if "image_size" in overrides:
            overrides.setdefault("preprocessing", _resized(encoder, overrides))
        config = {**encoder.get_config(), "train_positions": True, **overrides}
        copy = ViTEncoder.from_config({**config, "final_norm": pooling == "token"})
        _copy_weights(encoder, copy)
        policy = copy.dtype_policy
        return cls(copy, num_classes, pooling, seed, class_names, dtype=policy)

    @classmethod
    def from_preset(
        cls,
        preset,
        num_classes=None,
        pooling="gap",
        seed=0,
        weights=None,
        verbose=True,
        **overrides,
    ):
        """Builds a preset's encoder and a classifier on it.

        Args:
            preset: String, see `keras_mae.list_presets()`.
            num_classes, pooling, seed: As in the constructor. A file with a
                classifier tells `num_classes` itself.
            weights: As of `MaskedAutoencoder.from_preset`, but `"facebook"` is
                `"facebook/finetune"`: fine-tuned on ImageNet's 1000 classes,
                pooling `"gap"`. Of a file without classifier the encoder is taken,
                to be fine-tuned, and the head is random.
            verbose: Boolean. Whether to print what was found in the file.
            **overrides: Arguments of `ViTEncoder` but `final_norm`.

        Raises:
            ValueError: The preset or the weights are unknown, and the error names
                the near ones; or the weights are not to be had or do not fit.
        """
        if weights is None:
            _check_given(num_classes)
            overrides["final_norm"] = pooling == "token"
            encoder = from_preset(ViTEncoder, preset, None, overrides)
            return cls(encoder, num_classes, pooling, seed, dtype=encoder.dtype_policy)
        head = {"num_classes": num_classes, "pooling": pooling, "seed": seed}
        return from_preset(cls, preset, weights, overrides, verbose=verbose, **head)

    @property
    def preprocessing(self):
        """The encoder's `Preprocessing`."""
        return self.encoder.preprocessing

    def build(self, input_shape):
        if self.built:
            return
        features = (None, self.encoder.embed_dim)
        if self.fc_norm is not None:
            self.fc_norm.build(features)
        self.head.build(features)
        self.built = True

    def call(self, images, training=False):
        return self.head(tf.cast(self.features(images, training), tf.float32))

    def features(self, images, training=False):
        """Returns what the head sees, `(batch, embed_dim)`."""
        seed = None
        if training and self.encoder.drop_path_rate > 0:
            seed = step_seed(self, STOCHASTIC_DEPTH, training)
        features = pool(
            self.encoder(images, training=training, seed=seed), self.pooling
        )
        return features if self.fc_norm is None else self.fc_norm(features)

    def get_config(self):
        return {
            **keras.layers.Layer.get_config(self),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "num_classes": self.num_classes,
            "pooling": self.pooling,
            "seed": self.seed,
            "class_names": self.class_names,
        }


def _check_given(num_classes):
    if num_classes is None:
        raise InputError(
            "`num_classes=` must be given, unless `weights=` are a classifier's "
            "('facebook': ImageNet's 1000 classes)"
        )


def _resized(encoder, overrides):
    config = encoder.preprocessing.get_config()
    return type(encoder.preprocessing)(
        **{**config, "image_size": overrides["image_size"]}
    )


def _copy_weights(source, target):
    """Copies what both encoders have; positions where the grid is the same."""
    values = {_within(source, weight): weight for weight in source.weights}
    for weight in target.weights:
        name = _within(target, weight)
        if name == "positions/pos_embed" and weight.shape != values[name].shape:
            continue
        weight.assign(values[name])


def _within(model, weight):
    return weight.path.removeprefix(f"{model.name}/")
