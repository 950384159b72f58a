"""Dense2D computes what keras.layers.Dense computes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mae.layers import Dense2D, compiled_chains

from ..checks import check_layer

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(2, 3), (2, 5, 3), (2, 4, 5, 3)])
def test_dense2d_keeps_the_contract(shape):
    inputs = RNG.normal(size=shape).astype("float32")
    check_layer(Dense2D, {"units": 4, "activation": "tanh"}, inputs)


@pytest.mark.parametrize("use_bias", [True, False])
def test_equals_keras_dense(use_bias):
    inputs = RNG.normal(size=(2, 5, 3)).astype("float32")
    ours, theirs = (
        Dense2D(4, use_bias=use_bias),
        keras.layers.Dense(4, use_bias=use_bias),
    )
    ours.build(inputs.shape)
    theirs.build(inputs.shape)
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(ours(inputs), theirs(inputs), atol=1e-6)


def test_number_of_tokens_may_be_unknown():
    tokens = keras.Input((None, 3))
    model = keras.Model(tokens, Dense2D(4)(tokens))
    assert model.output.shape == (None, None, 4)
    assert model(np.zeros((2, 7, 3), "float32")).shape == (2, 7, 4)


def _gradients(dense, inputs):
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = tf.reduce_sum(dense(inputs) * tf.range(1.0, dense.units + 1))
    return tape.gradient(loss, [inputs, *dense.trainable_variables])


# More tokens than dimensions than units: the transpose of the gradient is made.
@pytest.mark.parametrize("shape", [(2, 5, 6), (2, 2, 6), (2, 5, 3)])
@pytest.mark.parametrize("use_bias", [True, False])
def test_gradients_in_a_training_step_are_those_of_keras_dense(shape, use_bias):
    inputs = tf.constant(RNG.normal(size=shape).astype("float32"))
    dense = Dense2D(4, "tanh", use_bias=use_bias)
    dense.build(shape)
    expected = _gradients(dense, inputs)
    with compiled_chains():
        received = _gradients(dense, inputs)
    for a, b in zip(received, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_gradients_know_a_batch_of_any_size():
    dense = Dense2D(4)
    dense.build((None, 6))
    function = tf.function(
        lambda rows: _gradients(dense, rows),
        input_signature=[tf.TensorSpec((None, 6))],
    )
    with compiled_chains():
        of_rows, of_kernel, of_bias = function(tf.ones((5, 6)))
    np.testing.assert_allclose(of_bias, 5 * np.arange(1.0, 5.0))
    np.testing.assert_allclose(of_kernel, np.tile(5 * np.arange(1.0, 5.0), (6, 1)))
    assert of_rows.shape == (5, 6)
