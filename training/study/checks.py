"""What is wrong with a study's settings is said before anything is measured."""

from keras_mae import list_presets
from keras_mae.layers.mask_samplers import SAMPLERS
from keras_mae.program import InputError, unknown

from ..evaluate import check_judges
from ..study_config import PARTS, SYSTEMS

LEAST = {
    "steps": 1,
    "finetune_steps": 0,
    "gradient_images": 2,  # two of each, to have a variance
    "gradient_draws": 2,
    "mask_images": 1,
    "occlusion_draws": 1,
    "compute_batch_size": 2,
    "compute_steps": 0,
}


def check_study(config):
    """Checks the names and numbers of a `StudyConfig`.

    Raises:
        InputError: One cannot be used; of names the near ones are told.
    """
    _check_names(config)
    for ratio in config.ratios:
        if not 0 <= ratio < 1:
            raise InputError(f"ratios must lie in [0, 1); received {ratio}")
    if config.minutes is not None and config.minutes <= 0:
        raise InputError(f"minutes must be above 0; received {config.minutes}")
    for name, least in LEAST.items():
        if getattr(config, name) < least:
            raise InputError(
                f"{name} must be at least {least}; received {getattr(config, name)}"
            )


def _check_names(config):
    known = {
        "parts": PARTS,
        "systems": SYSTEMS,
        "samplers": tuple(SAMPLERS),
        "presets": list_presets(),
    }
    for key, names in known.items():
        for name in getattr(config, key):
            if name not in names:
                raise unknown(key.removesuffix("s"), name, names)
    check_judges(config.judges)
    for key in ("parts", "systems", "samplers", "seeds"):
        if not getattr(config, key):
            raise InputError(f"{key} must name at least one")
