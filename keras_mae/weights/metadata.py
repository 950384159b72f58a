"""What this package writes beside the tensors: all that their shapes do not tell."""

import dataclasses
import json
import math

import keras

from ..layers.mask_samplers import SAMPLERS
from ..program import InputError
from ..version import __version__
from .safetensors import parse_json

_KEY = "keras_mae"  # of the metadata of a safetensors file
_TYPES = {
    "num_heads": int,
    "decoder_num_heads": int,
    "layer_norm_eps": float,
    "drop_path_rate": float,
    "train_positions": bool,
    "mask_ratio": float,
    "mask_sampler": str,
    "norm_pix_loss": bool,
    "seed": int,
}


@dataclasses.dataclass(frozen=True)
class Metadata:
    """What a file says of its model.

    Attributes:
        arguments: Dictionary of constructor arguments that no shape tells.
        image_size: `[height, width]`, or `None`.
        preprocessing: Dictionary of arguments of `Preprocessing`.
        class_names: List of strings, a classifier's, or `None`.
    """

    arguments: dict = dataclasses.field(default_factory=dict)
    image_size: list | None = None
    preprocessing: dict = dataclasses.field(default_factory=dict)
    class_names: list | None = None


def describe_model(model):
    """Returns a model's metadata, a dictionary of strings, for `read_metadata`.

    A mask sampler of one's own, or with settings of one's own, is left out.
    """
    encoder = getattr(model, "encoder", model)
    config = encoder.get_config() | model.get_config()
    config["mask_sampler"] = _sampler_name(config.get("mask_sampler"))
    told = [name for name in _TYPES if config.get(name) is not None]
    metadata = Metadata(
        {name: _TYPES[name](config[name]) for name in told},
        encoder.image_size,
        encoder.preprocessing.get_config(),
        _strings(config.get("class_names")),
    )
    content = {"version": __version__, **dataclasses.asdict(metadata)}
    return {_KEY: json.dumps(content)}


def read_metadata(metadata, path):
    """Returns the `Metadata` of a file's dictionary of strings, empty without ours.

    Raises:
        ValueError: They are damaged.
    """
    if not isinstance(metadata.get(_KEY), str):
        return Metadata()
    content = parse_json(metadata[_KEY].encode(), path)
    arguments, preprocessing = (
        content.get(name, {}) for name in ("arguments", "preprocessing")
    )
    for what, values in (("arguments", arguments), ("preprocessing", preprocessing)):
        if not isinstance(values, dict):
            raise InputError(f"{path} is damaged: its {what} must be a JSON object")
    _check_arguments(arguments, path)
    class_names = content.get("class_names")
    _check_class_names(class_names, path)
    return Metadata(arguments, content.get("image_size"), preprocessing, class_names)


def _check_arguments(arguments, path):
    for name, value in arguments.items():
        expected = _TYPES.get(name)
        if expected is None:
            raise InputError(
                f"{path} tells {name}, which is not known here; a newer version of "
                "keras_mae may have written it"
            )
        if type(value) is not expected or not _is_finite(value):
            raise InputError(
                f"{path} is damaged: {name} must be of type {expected.__name__}. "
                f"Received: {value!r}"
            )


def _check_class_names(names, path):
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if names is not None and not is_list:
        raise InputError(f"{path} is damaged: its class_names must be strings")


def _strings(names):
    return None if names is None else [str(name) for name in names]


def _is_finite(value):
    return not isinstance(value, float) or math.isfinite(value)


def _sampler_name(config):
    """Returns the name of a mask sampler as it is without arguments, or `None`."""
    for name, sampler in SAMPLERS.items():
        if config == keras.saving.serialize_keras_object(sampler()):
            return name
    return None
