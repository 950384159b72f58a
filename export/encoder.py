"""Makes copies of a model that can be exported."""

import numpy as np


def in_float32(model):
    """Returns the model itself, or a float32 copy of one in mixed precision.

    Clients send float32, and neither ONNX Runtime nor older servers take the
    bfloat16 that a mixed model would put into the graph.

    Args:
        model: `ViTEncoder`, `ViTClassifier` or `MaskedAutoencoder`.
    """
    policy = model.dtype_policy
    if (policy.compute_dtype, policy.variable_dtype) == ("float32", "float32"):
        return model
    return copy(model)


def perturbed(model, seed=0):
    """Returns a float32 copy of the model with a tenth of noise on every weight.

    Converters fold the ones and zeros of a fresh LayerNormalization away, and
    with them the patterns that a trained model needs converted.
    """
    rng = np.random.default_rng(seed)
    return copy(model, [_noisy(w, rng) for w in model.get_weights()])


def num_bytes(model):
    """Returns the bytes of the model's weights."""
    return sum(weight.nbytes for weight in model.get_weights())


def copy(model, weights=None, dtype="float32", **overrides):
    """Returns a copy in another precision, with its own weights or with others.

    Args:
        model: `ViTEncoder`, `ViTClassifier` or `MaskedAutoencoder`.
        weights: List of arrays, or `None` for the model's.
        dtype: String. The precision.
        **overrides: Constructor arguments of the encoder.
    """
    config, overrides = model.get_config(), {"dtype": dtype, **overrides}
    if "encoder" in config:  # of a classifier, which holds it as it was saved
        inner = {**model.encoder.get_config(), **overrides}
        config["encoder"] = type(model.encoder).from_config(inner)
        overrides = {"dtype": dtype}
    config |= overrides
    copied = type(model).from_config(config)
    copied.set_weights(model.get_weights() if weights is None else weights)
    return copied


def _noisy(weight, rng):
    scale = 0.1 * (weight.std() or 1.0)  # constant weights: gamma, beta, new biases
    return weight + (scale * rng.normal(size=weight.shape)).astype(weight.dtype)
