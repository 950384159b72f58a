"""Arguments of the model in a file: from shapes, settings and the caller."""

import inspect
import math

import numpy as np

from ..layers import ViTEncoder
from ..models import MaskedAutoencoder
from ..preprocessing import Preprocessing
from ..program import InputError, unknown
from .architecture import preset_heads
from .counts import are_counts
from .hugging_face import preprocessing_of

_KERAS = ("name", "dtype")
# Whether the authors' files were trained with normalised targets, by their names.
_RELEASED = {"mae_pretrain_vit_": True, "mae_visualize_vit_": False}
_TOLD = {"final_norm"}  # only the file can tell
_POSITIVE = ("num_heads", "decoder_num_heads", "num_channels", "image_size")
_POSITIVE += ("layer_norm_eps",)
# Hugging Face's names of what the shapes tell.
_CONFIG = {
    "embed_dim": "hidden_size",
    "depth": "num_hidden_layers",
    "patch_size": "patch_size",
    "num_channels": "num_channels",
    "decoder_embed_dim": "decoder_hidden_size",
    "decoder_depth": "decoder_num_hidden_layers",
}


def parameters_of(cls):
    """Returns the names of a model's constructor arguments that a caller may give."""
    names = inspect.signature(cls).parameters
    return {*names, *_KERAS} - {"kwargs"} - _TOLD


DECODER_ONLY = parameters_of(MaskedAutoencoder) - parameters_of(ViTEncoder)


def find_arguments(source, architecture, overrides, names):
    """Returns the constructor arguments of a file's model.

    Args:
        source: The `Source`.
        architecture: Its `Architecture`.
        overrides: Dictionary: what the caller says.
        names: The arguments that the model has.

    Raises:
        ValueError: An override is unknown or contradicts the file, or something
            that the file cannot tell was not given.
    """
    _check_overrides(source.path, architecture.config, overrides, names)
    known = {
        **architecture.config,
        **known_settings(source, architecture),
        **told_heads(source, architecture),
    }
    arguments = {name: known[name] for name in known if name in names} | overrides
    if "image_size" not in arguments:
        arguments["image_size"] = _image_size(source, architecture)
    _check_heads(source.path, arguments, names)
    _check_positive(arguments)
    if arguments.get("preprocessing") is None:
        arguments["preprocessing"] = _preprocessing(source, arguments)
    return arguments


def known_settings(source, architecture):
    """Returns what is told beside the tensors: epsilon, objective, metadata.

    Raises:
        ValueError: The config.json is of another model.
    """
    known = {"layer_norm_eps": 1e-6}
    if architecture.spelling.is_hugging_face:
        _check_config(source, architecture.config)
        known["layer_norm_eps"] = _number(source, "layer_norm_eps", 1e-12)
    known |= _objective(source, architecture.spelling.is_hugging_face)
    return {**known, **source.metadata.arguments}


def _objective(source, is_hugging_face):
    told = source.config if is_hugging_face else source.settings
    known = {}
    for prefix, normalised in _RELEASED.items():
        if source.path.name.startswith(prefix):
            known["norm_pix_loss"] = normalised
    if isinstance(told.get("norm_pix_loss"), bool):
        known["norm_pix_loss"] = told["norm_pix_loss"]
    ratio = told.get("mask_ratio")
    if isinstance(ratio, float | int) and 0 <= ratio < 1:
        known["mask_ratio"] = float(ratio)
    return known


def told_heads(source, architecture):
    """Returns heads by metadata, config.json or the width's preset; else `None`."""
    heads = {}
    for prefix in ("", "decoder_") if architecture.has_decoder else ("",):
        dim = architecture.config[f"{prefix}embed_dim"]
        heads[f"{prefix}num_heads"] = preset_heads(dim, prefix)
        if source.config.get(f"{prefix}hidden_size") == dim:
            name = f"{prefix}num_attention_heads"
            heads[f"{prefix}num_heads"] = int(_number(source, name))
    told = source.metadata.arguments
    return {name: told.get(name, number) for name, number in heads.items()}


def _check_overrides(path, config, overrides, names):
    for name, value in overrides.items():
        if name not in names:
            raise unknown("argument", name, names)
        # Another number of channels is a change that can be made.
        is_told = name in config and name != "num_channels"
        if is_told and config[name] != value:
            raise InputError(
                f"{path} has {name}={config[name]}, which cannot be changed. "
                f"Received: {name}={value}"
            )


def _check_heads(path, arguments, names):
    needed = [name for name in ("num_heads", "decoder_num_heads") if name in names]
    missing = [f"`{name}=`" for name in needed if arguments.get(name) is None]
    if missing:
        raise InputError(
            f"{path} does not tell its number of attention heads, no config.json "
            f"beside it does, and no preset has its width: give {' and '.join(missing)}"
        )


def _check_positive(arguments):
    for name in _POSITIVE:
        value = arguments.get(name, 1)
        if not all(number > 0 for number in np.ravel(value)):  # NaN is not
            raise InputError(f"{name} must exceed 0. Received: {name}={value}")


def _check_config(source, config):
    for name, theirs in _CONFIG.items():
        if name in config and source.config.get(theirs, config[name]) != config[name]:
            raise InputError(
                f"the config.json beside {source.path} is of another model: the file "
                f"has {name}={config[name]}. Received: "
                f"{theirs}={source.config[theirs]}"
            )
    activation = source.config.get("hidden_act", "gelu")
    if activation != "gelu":
        raise InputError(
            f"{source.path} needs hidden_act 'gelu'. Received: {activation!r}"
        )


def _number(source, name, default=None):
    value = source.config.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise InputError(
            f"the config.json beside {source.path} must have {name}, a positive "
            f"number. Received: {value!r}"
        )
    return value


def told_size(source, architecture):
    """Returns the size the file was made for: as told, a square, or `None`."""
    patch_size, count = architecture.config["patch_size"], architecture.num_patches
    told = source.metadata.image_size or source.config.get("image_size")
    sides = told if isinstance(told, list) else [told, told]
    if len(sides) == 2 and are_counts(sides):
        rows, columns = (side // patch_size for side in sides)
        if rows * columns == count:
            return rows * patch_size, columns * patch_size
    side = math.isqrt(count)
    return (side * patch_size,) * 2 if side * side == count else None


def _image_size(source, architecture):
    size = told_size(source, architecture)
    if size is None:
        raise InputError(
            f"{source.path} holds positions of {architecture.num_patches} patches, no "
            "square grid: give `image_size=(height, width)`"
        )
    return size


def _preprocessing(source, arguments):
    """Returns the file's `Preprocessing`; mean and std of other channels are not."""
    told = {**preprocessing_of(source.image_processor), **source.metadata.preprocessing}
    channels, kept = arguments["num_channels"], {}
    if all(_are_numbers(told.get(name), channels) for name in ("mean", "std")):
        kept = {name: told[name] for name in ("mean", "std")}
    for name, kind in (("crop_ratio", int | float), ("interpolation", str)):
        if isinstance(told.get(name), kind):
            kept[name] = told[name]
    return Preprocessing(arguments["image_size"], channels, **kept)


def _are_numbers(values, count):
    return (
        isinstance(values, list)
        and len(values) == count
        and all(type(value) in (int, float) for value in values)
    )
