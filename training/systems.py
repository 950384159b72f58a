"""The systems that `training.pretrain` trains, by name: how each is built."""

import functools
import inspect

import keras_mae
from keras_mae.layers import UnitSampler, get_sampler
from keras_mae.models.mask_token_autoencoder import BERT, SIMMIM
from keras_mae.program import InputError, unknown

# Settings that not every system has, and that must not be given to one without.
OF_SOME_SYSTEMS = ("prediction_head", "pixel_loss", "corruption")


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
    return SYSTEMS[config.system](config, dtype or config.precision)


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
    arguments["preprocessing"] = _preprocessing(config)
    return cls.from_preset(config.preset, **{**defaults, **arguments}, dtype=dtype)


def _sampler(config, own):
    """Returns the sampler of the configuration, or where it has none the system's."""
    sampler, unit = get_sampler(own), 1
    if isinstance(sampler, UnitSampler):
        sampler, unit = sampler.mask_sampler, sampler.unit
    sampler, unit = config.mask_sampler or sampler, config.mask_unit or unit
    return sampler if unit == 1 else UnitSampler(sampler, unit)


def _preprocessing(config):
    preset = keras_mae.presets.get_preset(config.preset).config
    return keras_mae.Preprocessing(
        config.image_size or preset["image_size"],
        config.num_channels or preset.get("num_channels", 3),
        config.mean,
        config.std,
        config.crop_ratio,
    )


_mask_token = functools.partial(_patch_autoencoder, keras_mae.MaskTokenAutoencoder)

# Name: function of a `PretrainConfig` and a dtype policy that builds the model.
SYSTEMS = {
    "mae": functools.partial(_patch_autoencoder, keras_mae.MaskedAutoencoder, {}),
    "mask_token": functools.partial(_mask_token, {}),
    "simmim": functools.partial(_mask_token, SIMMIM),
    "bert": functools.partial(_mask_token, BERT),
}
