"""Dense2D computes what keras.layers.Dense computes."""

import keras
import numpy as np
import pytest

from keras_mae.layers import Dense2D

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
