"""Opens a model file."""

from pathlib import Path

import keras


def load(path):
    """Loads a model saved by `model.save("x.keras")`, with its preprocessing.

    Args:
        path: String or path of a `.keras` file.

    Returns:
        A `MaskedAutoencoder`, `ViTClassifier`, `ViTEncoder` or any Keras model.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not a `.keras` file.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no model file at {path}")
    if path.suffix != ".keras":
        raise ValueError(
            "a model file must be a .keras file, as `model.save` and the programs "
            f"write it. Received: {path}"
        )
    try:
        return keras.saving.load_model(path)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} cannot be read as a .keras file: it may be truncated, or need "
            f"classes of another package ({type(error).__name__}: {error})"
        ) from error
