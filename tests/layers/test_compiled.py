import numpy as np
import pytest
import tensorflow as tf

import keras_mae
from keras_mae.layers import LayerNorm, compiled_chains, gelu

from ..checks import check_layer

X = np.random.default_rng(0).normal(size=(3, 5, 8)).astype("float32")


def values_and_gradients(function, *variables):
    with tf.GradientTape() as tape:
        tape.watch(variables)
        y = function(*variables)
        loss = tf.reduce_sum(tf.cast(y, tf.float32) * np.arange(1.0, 9.0))
    return [y, *tape.gradient(loss, variables)]


def test_layer_norm_is_a_keras_layer():
    check_layer(LayerNorm, {"epsilon": 1e-5}, X)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_compiled_gelu_and_its_gradient_are_the_same(dtype):
    x = tf.cast(X, dtype)
    plain = values_and_gradients(gelu, x)
    with compiled_chains():
        compiled = values_and_gradients(gelu, x)
    tolerance = 1e-6 if dtype == "float32" else 4e-2
    for a, b in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(
            np.float32(b), np.float32(a), rtol=tolerance, atol=tolerance
        )


def test_compiled_layer_norm_and_its_gradients_are_the_same():
    layer = LayerNorm()
    layer.build(X.shape)
    gamma, beta = tf.linspace(0.5, 2.0, 8), tf.linspace(-1.0, 1.0, 8)
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)

    def run():
        x = tf.constant(X)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(y * np.arange(1.0, 9.0))
        return [y, *tape.gradient(loss, [x, *layer.trainable_variables])]

    plain = run()
    with compiled_chains():
        compiled = run()
    for a, b in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-5)


def ops_of(function, *args):
    graph = tf.function(function, autograph=False).get_concrete_function(*args).graph
    return {op.type for op in graph.get_operations()}


def test_nothing_is_compiled_outside_a_training_step():
    assert "Erf" in ops_of(gelu, tf.constant(X))
    with compiled_chains():
        assert "Erf" not in ops_of(gelu, tf.constant(X))
    assert "Erf" in ops_of(gelu, tf.constant(X))


def test_chains_are_left_alone_where_they_are_not_wanted():
    with compiled_chains(False):
        assert "Erf" in ops_of(gelu, tf.constant(X))


def test_an_exported_encoder_holds_no_compiled_function_after_training():
    model = keras_mae.MaskedAutoencoder(
        16, 8, embed_dim=16, depth=1, num_heads=2, decoder_embed_dim=8, decoder_depth=1,
        decoder_num_heads=2,
    )  # fmt: skip
    model.compile(optimizer="sgd")
    images = np.zeros((2, 16, 16, 3), "float32")
    model.fit(images, batch_size=2, verbose=0)
    serve = tf.function(lambda x: model.encoder(x)).get_concrete_function(images)
    functions = serve.graph.as_graph_def().library.function
    assert not [f for f in functions if f.attr["_XlaMustCompile"].b]
