"""Models by the name of a preset: what the classes' `from_preset` share."""

import inspect

from .presets import get_preset


def from_preset(cls, preset, weights, overrides, **how):
    """Builds a preset's model, with random weights or those of a file.

    Args:
        cls: `ViTEncoder`, `MaskedAutoencoder` or `ViTClassifier`.
        preset: String, see `keras_mae.list_presets()`.
        weights: `None` for random weights, otherwise the name, path or address of
            a file.
        overrides: Dictionary of constructor arguments.
        **how: Further arguments of `weights.named.load_named`.

    Raises:
        ValueError: The preset is unknown, the error names the near ones; or the
            weights are not to be had or do not fit.
    """
    if weights is None:
        return cls(**preset_arguments(cls, preset, overrides))
    # On demand: weight files know all models, and models nothing of weight files.
    from .weights.named import load_named

    return load_named(cls, preset, str(weights), overrides, **how)


def preset_arguments(cls, preset, overrides):
    """Returns the constructor arguments of a preset's model, `overrides` last.

    Raises:
        ValueError: The preset is unknown; the error names the near ones.
    """
    config, names = get_preset(preset).config, inspect.signature(cls).parameters
    return {name: config[name] for name in config if name in names} | overrides
