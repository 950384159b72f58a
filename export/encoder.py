"""Finds the encoder in a saved model, and makes copies of it that can be exported."""

from pathlib import Path

import keras
import numpy as np

from keras_mae.layers import ViTEncoder
from keras_mae.layers.vit_encoder import POOLINGS
from keras_mae.program import InputError, unknown


def load_encoder(path):
    """Returns the encoder in a `.keras` file.

    Args:
        path: File of a `ViTEncoder`, or of a model that has one as `.encoder`.

    Returns:
        `ViTEncoder`, with its own dtype policy and preprocessing.

    Raises:
        InputError: There is no such file, Keras cannot read it, or it holds no encoder.
    """
    if not Path(path).is_file():
        raise InputError(
            f"no model file {path}; expected a .keras file with a ViTEncoder in it"
        )
    try:
        # Export needs no optimizer, nor the code of one that training defined.
        model = keras.saving.load_model(path, compile=False)
    except (ValueError, OSError, TypeError) as error:  # TypeError: an unknown class
        first_line = str(error).strip().splitlines()[0]
        raise InputError(f"Keras cannot load {path}: {first_line}") from error
    return encoder_of(model)


def encoder_of(model):
    """Returns `model` if it is a `ViTEncoder`, otherwise its attribute `encoder`.

    Raises:
        InputError: Neither is a `ViTEncoder`.
    """
    for candidate in (model, getattr(model, "encoder", None)):
        if isinstance(candidate, ViTEncoder):
            return candidate
    raise InputError(
        "only a ViTEncoder, or a model with one as its attribute `encoder` "
        "(MaskedAutoencoder, ViTClassifier), can be exported. "
        f"Received: {type(model).__name__}"
    )


def check_pooling(pooling):
    """Raises an `InputError` for a pooling that encoders do not have."""
    if pooling not in POOLINGS:
        raise unknown("pooling", pooling, POOLINGS)


def in_float32(encoder):
    """Returns the encoder itself, or a float32 copy of one in mixed precision.

    Clients send float32, and neither ONNX Runtime nor older servers take the
    bfloat16 that a mixed encoder would put into the graph.
    """
    policy = encoder.dtype_policy
    if (policy.compute_dtype, policy.variable_dtype) == ("float32", "float32"):
        return encoder
    return _copy(encoder, encoder.get_weights())


def perturbed(encoder, seed=0):
    """Returns a float32 copy of the encoder with a tenth of noise on every weight.

    Converters fold the ones and zeros of a fresh LayerNormalization away, and
    with them the patterns that a trained model needs converted.
    """
    rng = np.random.default_rng(seed)
    return _copy(encoder, [_noisy(w, rng) for w in encoder.get_weights()])


def num_bytes(encoder):
    """Returns the bytes of the encoder's weights."""
    return sum(weight.nbytes for weight in encoder.get_weights())


def _copy(encoder, weights):
    copy = ViTEncoder.from_config({**encoder.get_config(), "dtype": "float32"})
    copy.set_weights(weights)
    return copy


def _noisy(weight, rng):
    scale = 0.1 * (weight.std() or 1.0)  # constant weights: gamma, beta, new biases
    return weight + (scale * rng.normal(size=weight.shape)).astype(weight.dtype)
