"""Makes copies of an encoder that can be exported."""

import numpy as np

from keras_mae.layers import ViTEncoder


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
