"""Loads weights by name into a preset's model: published ones, an address, a path."""

import dataclasses
from pathlib import Path

from ..from_preset import preset_arguments
from ..layers import ViTEncoder
from ..models import MaskedAutoencoder, ViTClassifier
from ..presets import get_preset, list_presets
from ..program import InputError, unknown
from ..published import published_for
from .architecture import find_architecture
from .build import build
from .download import fetch_address, fetch_published
from .source import is_weights, open_weights

# What "facebook" means to each class.
FACEBOOK = {
    ViTEncoder: "facebook/pretrain",
    MaskedAutoencoder: "facebook/visualize",
    ViTClassifier: "facebook/finetune",
}


def load_named(cls, preset, weights, overrides, verbose=True, **wanted):
    """Returns a preset's model with the weights of a file.

    What does not fit is told before anything is downloaded, where that is known.

    Args:
        cls: `ViTEncoder`, `MaskedAutoencoder` or `ViTClassifier`.
        preset: String, see `keras_mae.list_presets()`.
        weights: String: the name of published weights, or the path or the address
            of a .pth, .pt or .safetensors file, or a folder of Hugging Face.
        overrides: Dictionary of arguments of the `MaskedAutoencoder`, or of the
            encoder of the two others.
        verbose: Boolean. Whether to print what was found, and the licence of what
            was downloaded.
        **wanted: `allow_missing_decoder` of a `MaskedAutoencoder`; `num_classes`,
            `pooling` and `seed` of a `ViTClassifier`.

    Raises:
        ValueError: The weights are unknown, not to be had, or do not fit.
    """
    get_preset(preset)
    if cls not in FACEBOOK:
        names = ", ".join(known.__name__ for known in FACEBOOK)
        raise InputError(f"weights are loaded into {names}. Received: {cls.__name__}")
    file = _find_published(cls, preset, weights)
    if file is not None:
        _check(cls, file, file.name, **wanted)
        path, is_new = fetch_published(file)
    elif _is_address(weights):
        path, is_new = fetch_address(weights)
    else:
        path, is_new = Path(weights), True
    source = open_weights(path)
    architecture = find_architecture(source.tensors, source.path)
    _check(cls, architecture, source.path, **wanted)
    model, report = _load(cls, preset, source, architecture, overrides, **wanted)
    if verbose:
        print(_with_licence(report, file, is_new))
    return model


def _find_published(cls, preset, weights):
    """Returns the `PublishedFile` of a name, or `None` of an address or a path."""
    files = published_for(preset)
    name = FACEBOOK[cls] if weights == "facebook" else weights
    if name in files:
        return files[name]
    if _is_address(weights) or is_weights(weights):
        return None
    if not files:
        raise InputError(
            f"no weights of {preset} are published. Received: weights={weights!r}; "
            "expected the path or the address of a file, or a preset that has some: "
            f"{', '.join(list_presets(weights=''))}"
        )
    error = unknown(f"weights of {preset}", weights, ["facebook", *files])
    raise InputError(
        f"{error} ('facebook' is {FACEBOOK[cls]} for a {cls.__name__}; the path or "
        "the address of a .pth, .pt or .safetensors file will do too)"
    )


def _is_address(weights):
    return weights.startswith(("http://", "https://"))


def _check(cls, holder, name, **wanted):
    """Raises where what a file holds, by table or by shapes, does not fit a class."""
    if cls is MaskedAutoencoder:
        _check_autoencoder(holder, name, **wanted)
    if cls is ViTClassifier:
        _check_classifier(holder, name, **wanted)


def _check_autoencoder(holder, name, allow_missing_decoder):
    problem = f"{name} holds an {holder.content}, but a MaskedAutoencoder has a decoder"
    if holder.num_classes:
        raise InputError(f"{problem}: give 'facebook', {FACEBOOK[MaskedAutoencoder]}")
    if not holder.has_decoder and not allow_missing_decoder:
        raise InputError(
            f"{problem}: give 'facebook', {FACEBOOK[MaskedAutoencoder]}, whose targets "
            "are raw pixels; or `allow_missing_decoder=True` for a random decoder"
        )


def _check_classifier(holder, name, num_classes, pooling, **_):
    if not holder.num_classes:
        if num_classes is None:
            raise InputError(
                f"{name} holds an {holder.content} and no classifier: give "
                "`num_classes=`, for one that is random"
            )
    elif num_classes not in (None, holder.num_classes) or pooling != holder.pooling:
        raise InputError(
            f"{name} holds an {holder.content}, pooling {holder.pooling!r}. Received: "
            f"{num_classes=}, {pooling=}; for another classifier, which is random at "
            f"first, give weights={FACEBOOK[ViTEncoder]!r}"
        )


def _load(cls, preset, source, architecture, overrides, **wanted):
    if cls is MaskedAutoencoder:
        arguments = preset_arguments(cls, preset, overrides)
        return build(source, arguments, **wanted)
    arguments = preset_arguments(ViTEncoder, preset, overrides)
    if cls is ViTClassifier and architecture.num_classes:
        return build(source, {**arguments, "seed": wanted["seed"]})
    encoder, report = build(source, arguments, encoder_alone=True)
    if cls is ViTEncoder:
        return encoder, report
    return cls.from_encoder(encoder, **wanted), dataclasses.replace(
        report, random=("head",)
    )


def _with_licence(report, file, is_new):
    """The licence is told once, at the download."""
    if not is_new:
        return dataclasses.replace(report, licence="")
    return report if file is None else dataclasses.replace(report, licence=file.licence)
