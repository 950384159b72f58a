"""Opens model files, and finds the encoder in a model."""

from pathlib import Path

import keras

from ..layers import ViTEncoder
from ..program import InputError


def load(path, compile=True):
    """Loads a model saved by `model.save("x.keras")`, with its preprocessing.

    Args:
        path: String or path of a `.keras` file.
        compile: Boolean. Whether the optimizer, if it was saved, is loaded too.

    Returns:
        A `MaskedAutoencoder`, `ViTClassifier`, `ViTEncoder` or any Keras model.

    Raises:
        ValueError: There is no such file, or Keras cannot read it.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no model file {path}; expected a .keras file")
    if path.suffix != ".keras":
        raise InputError(
            "a model file must be a .keras file, as `model.save` and the programs "
            f"write it. Received: {path}"
        )
    try:
        return keras.saving.load_model(path, compile=compile)
    except (OSError, KeyError, TypeError, ValueError) as error:
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{path} cannot be read: it may be truncated, or need classes of another "
            f"package ({first_line})"
        ) from error


def load_encoder(path):
    """Returns the `ViTEncoder` in a `.keras` file, as `load` and `encoder_of` do."""
    return encoder_of(load(path, compile=False))


def encoder_of(model):
    """Returns `model` if it is a `ViTEncoder`, otherwise its attribute `encoder`.

    Raises:
        ValueError: Neither is a `ViTEncoder`.
    """
    for candidate in (model, getattr(model, "encoder", None)):
        if isinstance(candidate, ViTEncoder):
            return candidate
    raise InputError(
        "expected a ViTEncoder, or a model with one as its attribute `encoder` "
        "(MaskedAutoencoder, ViTClassifier). "
        f"Received: {type(model).__name__}"
    )
