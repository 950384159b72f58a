"""Opens model files, and finds the encoder in a model."""

from pathlib import Path
from zipfile import BadZipFile

from ..layers import MapEncoder, ViTEncoder
from ..program import InputError
from .architecture import find_architecture
from .build import build, describe
from .keras_file import read_keras
from .source import ACCEPTED, is_weights, open_weights


def load(
    path,
    compile=True,
    allow_missing_decoder=False,
    verbose=True,
    progress=iter,
    **overrides,
):
    """Loads a model: saved by Keras, or weights of the original, timm, Hugging Face.

    A `.keras` file tells everything. Of other files the architecture is inferred
    from names and shapes: with a decoder they become a `MaskedAutoencoder`, with a
    classifier a `ViTClassifier` (with the names of the classes, where the file or its
    `config.json` tells them), otherwise a `ViTEncoder`. PyTorch is not needed,
    and nothing in a file is executed.

    At another `image_size`, sin-cos positions are computed anew and learned ones
    are resized (bicubic, as PyTorch does). At another `num_channels`, the patch
    embedding is summed over the channels (1) or repeats them, rescaled by their
    old number over the new one; predictions are averaged or repeated.

    Args:
        path: String or path of a `.keras`, `.pth`, `.pt` or `.safetensors` file, of
            an index of shards (`.safetensors.index.json`), or of a Hugging Face
            folder.
        compile: Boolean. Whether the optimizer, if it was saved, is loaded too
            (`.keras` alone).
        allow_missing_decoder: Boolean. Whether an encoder without decoder becomes a
            `MaskedAutoencoder` whose decoder is random.
        verbose: Boolean. Whether to print what was found (all but `.keras`).
        progress: Function that passes a list of tensors on while they are read,
            such as `tqdm.tqdm` (all but `.keras`).
        **overrides: Constructor arguments of the model: what the file cannot tell
            (`num_heads`, `decoder_num_heads` for widths that no preset has; what
            `save` wrote tells all), or what may change (`image_size`,
            `num_channels`, `mask_ratio`, ...).

    Returns:
        A `MaskedAutoencoder`, `ViTClassifier`, `ViTEncoder` or, of a `.keras` file,
        any Keras model.

    Raises:
        ValueError: There is no such file, it cannot be read, it does not tell all
            that a model needs, or its tensors are not exactly the model's.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"no model file {path}; expected {ACCEPTED}")
    if is_weights(path):
        model, report = build(
            open_weights(path), overrides, allow_missing_decoder, progress=progress
        )
        if verbose:
            print(report)
        return model
    if path.suffix != ".keras":
        raise InputError(
            "a model file must be a .keras file, as `model.save` and the programs "
            f"write it, or one of {ACCEPTED}. Received: {path}"
        )
    if overrides or allow_missing_decoder:
        raise InputError(
            f"{path} tells everything itself: a .keras file takes no arguments. "
            f"Received: {sorted(overrides) or ['allow_missing_decoder']}"
        )
    return _load_keras(path, compile)


def inspect(path):
    """Returns the `Report` of a weight file of another package; `print` shows it.

    Raises:
        ValueError: There is no such file, or it cannot be read.
    """
    if not is_weights(path):
        raise InputError(
            f"expected a .pth, .pt or .safetensors file or a folder of Hugging Face. "
            f"Received: {path}"
        )
    source = open_weights(path)
    return describe(source, find_architecture(source.tensors, source.path))


def load_encoder(path, **overrides):
    """Returns the encoder in a file, as `load` and `encoder_of` do.

    Of a weight file nothing else is built: a decoder's heads need not be told.

    Args:
        path: As of `load`.
        **overrides: Constructor arguments of the `ViTEncoder`, as of `load`.

    Raises:
        ValueError: As of `load`, or the model has no encoder.
    """
    if not is_weights(path):
        return encoder_of(load(path, compile=False, **overrides))
    encoder, report = build(open_weights(path), overrides, encoder_alone=True)
    print(report)
    return encoder


def _load_keras(path, compile):
    try:
        return read_keras(path, compile)
    except (OSError, KeyError, TypeError, ValueError, BadZipFile) as error:
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{path} cannot be read: it may be truncated, or need classes of another "
            f"package ({first_line})"
        ) from error


def encoder_of(model):
    """Returns `model` if it is an encoder, otherwise its attribute `encoder`.

    Raises:
        ValueError: Neither is a `ViTEncoder` or a `MapEncoder`.
    """
    for candidate in (model, getattr(model, "encoder", None)):
        if isinstance(candidate, (ViTEncoder, MapEncoder)):
            return candidate
    raise InputError(
        "expected an encoder (ViTEncoder, MapEncoder), or a model with one as its "
        "attribute `encoder` (MaskedAutoencoder, ContextEncoder, ViTClassifier). "
        f"Received: {type(model).__name__}"
    )
