"""The systems that `training.pretrain` trains, by name: how each is built."""

import functools
import inspect

import keras_mae
from keras_mae.context_presets import (
    CONTEXT_ENCODERS,
    CONTEXT_INPAINTERS,
    context_arguments,
)
from keras_mae.layers import UnitSampler, get_sampler
from keras_mae.models.mask_token_autoencoder import BERT, SIMMIM
from keras_mae.program import InputError, unknown

from .compute import dtype_policy

# Settings that not every system has, and that must not be given to one without.
OF_SOME_SYSTEMS = ("prediction_head", "pixel_loss", "corruption")
OF_TRANSFORMERS = (
    *OF_SOME_SYSTEMS,
    "embed_dim",
    "depth",
    "num_heads",
    "decoder_embed_dim",
    "decoder_depth",
    "decoder_num_heads",
    "norm_pix_loss",
)

OF_TANH = {"mean": 0.5, "std": 0.5}  # pixels in [-1, 1]


def build_model(config, dtype=None):
    """Returns the model of a `PretrainConfig`, randomly initialised.

    What the configuration leaves open, the system decides, then the preset.

    Args:
        config: A `PretrainConfig`.
        dtype: Optional dtype policy, instead of the configuration's precision.

    Raises:
        ValueError: No such system, or settings that it does not have or that do not
            fit each other.
    """
    if config.system not in SYSTEMS:
        raise unknown("system", config.system, SYSTEMS)
    return SYSTEMS[config.system](config, dtype or dtype_policy(config.precision))


def _patch_autoencoder(cls, defaults, config, dtype):
    """Builds a class of `PatchAutoencoder`; `defaults` are the system's arguments."""
    names = inspect.signature(cls).parameters
    given = {name: value for name, value in vars(config).items() if value is not None}
    for name in OF_SOME_SYSTEMS:
        if name in given and name not in names:
            raise InputError(
                f"the system {config.system} has no {name}: it is a setting of "
                "mask_token, simmim and bert"
            )
    arguments = {name: value for name, value in given.items() if name in names}
    arguments["mask_sampler"] = _sampler(config, defaults.get("mask_sampler", "random"))
    preset = keras_mae.presets.get_preset(config.preset).config
    arguments["preprocessing"] = _preprocessing(config, preset)
    return cls.from_preset(config.preset, **{**defaults, **arguments}, dtype=dtype)


def _sampler(config, own):
    """Returns the sampler of the configuration, or where it has none the system's."""
    sampler, unit = get_sampler(own), 1
    if isinstance(sampler, UnitSampler):
        sampler, unit = sampler.mask_sampler, sampler.unit
    sampler, unit = config.mask_sampler or sampler, config.mask_unit or unit
    return sampler if unit == 1 else UnitSampler(sampler, unit)


def _context(cls, presets, pixels, config, dtype):
    """Builds a convolutional system, whose presets are its own, as is its range."""
    own = {name: p.default for name, p in inspect.signature(cls).parameters.items()}
    given = {name: value for name, value in vars(config).items() if value is not None}
    for name in OF_TRANSFORMERS:
        if name in given and given[name] != config.TINY.get(name):
            raise InputError(
                f"the system {config.system} has no {name}: it is a setting of systems "
                "with a Vision Transformer; choose another preset instead"
            )
    if config.accumulation_steps > 1 and cls is keras_mae.ContextInpainter:
        raise InputError(
            f"accumulation_steps must be 1: the system {config.system} judges a batch "
            f"as a whole. Received: {config.accumulation_steps}"
        )
    arguments = {name: value for name, value in given.items() if name in own}
    arguments["mask_sampler"] = _sampler(config, own["mask_sampler"])
    sizes = own | context_arguments(config.preset, presets, {})
    arguments["preprocessing"] = _preprocessing(config, sizes, **pixels)
    return cls.from_preset(config.preset, **arguments, dtype=dtype)


def _preprocessing(config, sizes, mean=None, std=None):
    return keras_mae.Preprocessing(
        config.image_size or sizes["image_size"],
        config.num_channels or sizes.get("num_channels", 3),
        config.mean or mean,
        config.std or std,
        config.crop_ratio,
    )


_mask_token = functools.partial(_patch_autoencoder, keras_mae.MaskTokenAutoencoder)

# Name: function of a `PretrainConfig` and a dtype policy that builds the model.
SYSTEMS = {
    "mae": functools.partial(_patch_autoencoder, keras_mae.MaskedAutoencoder, {}),
    "mask_token": functools.partial(_mask_token, {}),
    "simmim": functools.partial(_mask_token, SIMMIM),
    "bert": functools.partial(_mask_token, BERT),
    "context_encoder": functools.partial(
        _context, keras_mae.ContextEncoder, CONTEXT_ENCODERS, {}
    ),
    "context_encoder_inpainter": functools.partial(
        _context, keras_mae.ContextInpainter, CONTEXT_INPAINTERS, OF_TANH
    ),
}
