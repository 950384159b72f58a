"""What every layer and every model owes its users, checked in one call.

A test of a class calls `check_layer` or `check_model`; what is left to write
is what is special about the class.
"""

import functools
import json
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import keras_mae


def check_layer(layer_class, config, inputs, stays_float32=()):
    """Checks a layer's configuration, file, shapes, half precision, XLA and training.

    Args:
        layer_class: The layer's class.
        config: Dictionary of constructor arguments.
        inputs: Array, or dictionary of call arguments (arrays), chosen so that
            results are not random.
        stays_float32: Names of results that are float32 whatever the policy; a
            result that is not a dictionary is called `"output"`.
    """

    def make(**kwargs):
        return _functional(layer_class(**config, **kwargs), inputs)

    model = make()
    check_config(layer_class(**config))
    _check(make, inputs, stays_float32)
    if model.trainable_weights:
        check_training(model, (inputs, _normal_like(model(inputs))), loss="mse")


def check_model(
    model_class, config, inputs, fit_data=None, loss=None, stays_float32=()
):
    """Checks a model as `check_layer` does a layer; the model itself is saved.

    Args:
        model_class: The model's class.
        config: Dictionary of constructor arguments.
        inputs: What the model is called with: array or dictionary of arrays,
            chosen so that results are not random.
        fit_data: Arguments of `fit`, `(x,)` or `(x, y)`. Default: `(inputs,)`.
        loss: Loss to compile with, or `None` where the model brings its own.
        stays_float32: Names of results that are float32 whatever the policy; a
            result that is not a dictionary is called `"output"`.
    """
    make = functools.partial(model_class, **config)
    check_config(make())
    _check(make, inputs, stays_float32)
    check_training(make(), fit_data or (inputs,), loss)


def check_config(instance):
    """Checks that a configuration survives JSON and makes an equal object."""
    text = json.dumps(keras.saving.serialize_keras_object(instance))
    copy = keras.saving.deserialize_keras_object(json.loads(text))
    assert type(copy) is type(instance)
    assert copy.get_config() == instance.get_config()


def check_file(model, inputs):
    """Checks that a `.keras` file gives back a model with equal results."""
    for weight in model.weights:  # zeros and ones would be equal unsaved
        weight.assign_add(0.1 * np.random.default_rng(0).normal(size=weight.shape))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
    _assert_close(loaded(inputs), model(inputs), tolerance=1e-6)


def check_shapes(model, inputs):
    """Checks that results have the announced shapes and dtypes, at any batch size."""
    announced = _named(model(_symbolic(inputs)))
    for name, result in _named(model(inputs)).items():
        assert announced[name].shape == (None, *result.shape[1:]), name
        assert announced[name].dtype == result.dtype.name, name


def check_half_precision(make, inputs, stays_float32=()):
    """Checks dtypes and finiteness of results under both mixed policies."""
    for half in ("bfloat16", "float16"):
        for name, result in _named(make(dtype=f"mixed_{half}")(inputs)).items():
            if result.dtype.is_floating:
                expected = "float32" if name in stays_float32 else half
                assert result.dtype == expected, name
                assert np.isfinite(np.float32(result)).all(), (name, half)


def check_xla(model, inputs):
    """Checks that XLA compiles the model and computes the same."""
    compiled = tf.function(lambda inputs: model(inputs), jit_compile=True)
    inputs = keras.tree.map_structure(tf.convert_to_tensor, inputs)
    _assert_close(compiled(inputs), model(inputs), tolerance=1e-4)


def check_training(model, fit_data, loss=None):
    """Checks that one step of `fit` moves every trainable weight."""
    keras.utils.set_random_seed(0)  # or stochastic depth may drop all there is
    before = [np.array(weight) for weight in model.trainable_weights]
    model.compile(optimizer=keras_mae.optimizers.AdamW(), loss=loss)
    batch_size = len(keras.tree.flatten(fit_data)[0])
    history = model.fit(*fit_data, batch_size=batch_size, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    pairs = zip(model.trainable_weights, before, strict=True)
    assert [w.path for w, old in pairs if np.array_equal(w, old)] == []


def _check(make, inputs, stays_float32):
    model = make()
    check_shapes(model, inputs)
    check_file(model, inputs)
    check_xla(model, inputs)
    check_half_precision(make, inputs, stays_float32)


def _functional(layer, inputs):
    symbolic = _symbolic(inputs)
    if isinstance(inputs, dict):
        return keras.Model(symbolic, layer(**symbolic))
    return keras.Model(symbolic, layer(symbolic))


def _symbolic(inputs):
    if isinstance(inputs, dict):
        return {name: _input(array, name) for name, array in inputs.items()}
    return _input(inputs)


def _input(array, name=None):
    return keras.Input(array.shape[1:], dtype=array.dtype.name, name=name)


def _named(arrays):
    return arrays if isinstance(arrays, dict) else {"output": arrays}


def _normal_like(results):
    normal = np.random.default_rng(0).normal
    return keras.tree.map_structure(lambda result: normal(size=result.shape), results)


def _assert_close(results, expected, tolerance):
    for name, result in _named(expected).items():
        np.testing.assert_allclose(
            _named(results)[name], result, tolerance, tolerance, err_msg=name
        )
