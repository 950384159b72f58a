"""The classifier of a fine-tuning run: on a pre-trained encoder, or from scratch."""

import numpy as np

from keras_mae import ConvClassifier, Preprocessing, ViTClassifier
from keras_mae.layers import MapEncoder
from keras_mae.layers.vit_encoder import check_pooling
from keras_mae.presets import get_preset
from keras_mae.program import InputError
from keras_mae.weights import load_encoder
from keras_mae.weights.positions import fit_positions

from .compute import dtype_policy

# With a pre-trained model its file tells these; where it cannot, they tell the loader.
ARCHITECTURE = ("patch_size", "num_channels", "embed_dim", "depth", "num_heads")
CROPPED_TO = 224  # larger pictures are evaluated whole, as timm and the authors do


def build_classifier(config, num_classes, model=None):
    """Returns the classifier of a `FinetuneConfig`, with its encoder's class.

    A `ViTClassifier`, whose positions are trained, or a `ConvClassifier`.

    Args:
        config: The `FinetuneConfig`.
        num_classes: Integer.
        model: Path of a pre-trained model, anything that `keras_mae.load` reads; its
            encoder is taken, and the head is random. `None` to train from scratch.

    Raises:
        ValueError: The file or the settings cannot be used.
    """
    check_pooling(config.pooling)
    head = {"pooling": config.pooling, "seed": config.seed}
    policy = dtype_policy(config.precision)
    encoder = {"drop_path_rate": config.drop_path_rate, "dtype": policy}
    if model is None:
        return _from_scratch(config, num_classes, {**head, **encoder})
    return _from_pretrained(config, num_classes, model, {**head, **encoder})


def in_single_precision(model, class_names=None):
    """Returns a copy of a classifier in float32, without optimizer.

    It holds the names of the classes, where there are any.
    """
    copy = type(model).from_encoder(
        model.encoder,
        model.num_classes,
        model.pooling,
        model.seed,
        class_names or model.class_names,
        dtype="float32",
    )
    copy.set_weights(model.get_weights())
    return copy


def _from_scratch(config, num_classes, arguments):
    if config.preset is None:
        raise InputError("without --model, preset must name the architecture")
    chosen = _chosen(config, ("image_size", *ARCHITECTURE))
    preset = {"num_channels": 3, **get_preset(config.preset).config, **chosen}
    preprocessing = Preprocessing(preset["image_size"], preset["num_channels"])
    return ViTClassifier.from_preset(
        config.preset,
        num_classes,
        **chosen,
        **arguments,
        train_positions=True,
        preprocessing=_preprocessing(preprocessing, config),
    )


def _from_pretrained(config, num_classes, model, arguments):
    if config.preset is not None:
        raise InputError(
            "preset is the architecture of a run from scratch: leave it out, or --model"
        )
    encoder = load_encoder(model, **_chosen(config, ARCHITECTURE))
    if isinstance(encoder, MapEncoder):
        return _convolutional(config, num_classes, encoder, arguments)
    preprocessing = _preprocessing(encoder.preprocessing, config)
    classifier = ViTClassifier.from_encoder(
        encoder,
        num_classes,
        **arguments,
        image_size=preprocessing.image_size,
        preprocessing=preprocessing,
    )
    table, _ = fit_positions(
        np.array(encoder.positions.pos_embed),
        classifier.encoder.grid_size,
        model,
        source=encoder.grid_size,
    )
    classifier.encoder.positions.pos_embed.assign(table)
    return classifier


def _convolutional(config, num_classes, encoder, arguments):
    preprocessing = _preprocessing(encoder.preprocessing, config)
    size = {"image_size": preprocessing.image_size, "preprocessing": preprocessing}
    return ConvClassifier.from_encoder(encoder, num_classes, **arguments, **size)


def _preprocessing(preprocessing, config):
    chosen = _chosen(config, ("image_size", "mean", "std", "crop_ratio"))
    if max(config.image_size or (0,)) > CROPPED_TO:
        chosen.setdefault("crop_ratio", 1.0)
    return Preprocessing(**{**preprocessing.get_config(), **chosen})


def _chosen(config, names):
    chosen = {name: getattr(config, name) for name in names}
    return {name: value for name, value in chosen.items() if value is not None}
