"""Products of bfloat16 are in float32 where a CPU multiplies that faster."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_mae
from keras_mae.layers import Dense2D, TransformerBlock, compiled_chains, products

TOKENS = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")


def product_dtypes(function, *args):
    """Returns the dtypes that a function multiplies in."""
    graph = tf.function(function, autograph=False).get_concrete_function(*args).graph
    kinds = {"MatMul", "BatchMatMulV2"}
    return {op.outputs[0].dtype for op in graph.get_operations() if op.type in kinds}


def block_and_gradients(policy):
    keras.utils.set_random_seed(0)
    block = TransformerBlock(2, dtype=policy)
    block.build(TOKENS.shape)

    def run(tokens):
        with tf.GradientTape() as tape:
            tape.watch(tokens)
            result = block(tokens)
            loss = tf.reduce_sum(tf.cast(result, tf.float32) * np.arange(8.0))
        return [result, *tape.gradient(loss, [tokens, *block.trainable_variables])]

    return run


def test_a_hybrid_step_multiplies_as_the_cpu_does_it_faster(bfloat16_pays):
    run = block_and_gradients("mixed_bfloat16")
    with compiled_chains():
        dtypes = product_dtypes(run, tf.constant(TOKENS))
    assert dtypes == {tf.bfloat16 if bfloat16_pays else tf.float32}


def test_what_is_not_a_hybrid_step_multiplies_as_its_policy_says(bfloat16_pays):
    run = block_and_gradients("mixed_bfloat16")
    assert product_dtypes(run, tf.constant(TOKENS)) == {tf.bfloat16}


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_other_policies_are_left_alone(policy, bfloat16_pays):
    run = block_and_gradients(policy)
    with compiled_chains():
        dtypes = product_dtypes(run, tf.constant(TOKENS))
    assert dtypes == {tf.as_dtype(keras.DTypePolicy(policy).compute_dtype)}


def test_results_and_gradients_have_the_dtypes_and_the_numbers_of_bfloat16(
    bfloat16_pays,
):
    exact = block_and_gradients("float32")(tf.constant(TOKENS))
    with compiled_chains():
        near = block_and_gradients("mixed_bfloat16")(tf.constant(TOKENS))
    assert near[0].dtype == tf.bfloat16
    assert {gradient.dtype for gradient in near[1:]} == {tf.float32}
    for a, b in zip(near, exact, strict=True):
        a, b = np.float32(a), np.float32(b)
        assert np.abs(a - b).max() <= 0.02 * np.abs(b).max()


def test_weights_are_multiplied_unrounded_in_float32(monkeypatch):
    monkeypatch.setattr(products, "bfloat16_pays", lambda: False)
    dense = Dense2D(1, dtype="mixed_bfloat16")
    dense.build((None, 2))
    dense.kernel.assign([[1 + 2**-10], [-1.0]])  # 1 and -1 in bfloat16
    with compiled_chains():
        assert dense(tf.ones((1, 2)))[0, 0] == 2**-10


def test_a_model_learns_the_same_either_way(monkeypatch):
    def losses(pays):
        monkeypatch.setattr(products, "bfloat16_pays", lambda: pays)
        keras.utils.set_random_seed(0)
        model = keras_mae.MaskedAutoencoder(
            16, 4, embed_dim=16, depth=2, num_heads=2, decoder_embed_dim=8,
            decoder_depth=1, decoder_num_heads=2, dtype="mixed_bfloat16",
        )  # fmt: skip
        model.compute = "hybrid"
        model.compile(keras.optimizers.SGD(0.1))
        images = np.random.default_rng(1).normal(size=(4, 16, 16, 3)).astype("float32")
        return model.fit(images, batch_size=4, epochs=4, verbose=0).history["loss"]

    np.testing.assert_allclose(losses(True), losses(False), rtol=0.02)


@pytest.fixture
def measuring(monkeypatch):
    """Lets products take given seconds, the first of each kind a hundred times."""
    products.bfloat16_pays.cache_clear()

    def take(**seconds):
        calls = []

        def one(dtype):
            calls.append(dtype)
            cold = 100 if calls.count(dtype) == 1 else 1
            return cold * seconds[dtype.name]

        monkeypatch.setattr(products, "_seconds", one)

    yield take
    products.bfloat16_pays.cache_clear()


@pytest.mark.parametrize(
    ("bfloat16", "pays"), [(0.3, True), (1.0, True), (1.2, True), (1.5, False)]
)
def test_bfloat16_pays_where_it_is_not_clearly_slower(bfloat16, pays, measuring):
    measuring(bfloat16=bfloat16, float32=1.0)
    assert products.bfloat16_pays() == pays


def test_what_is_faster_is_measured_once(measuring):
    measuring(bfloat16=1.0, float32=1.0)
    assert products.bfloat16_pays()
    measuring(bfloat16=9.0, float32=1.0)
    assert products.bfloat16_pays()


def test_what_is_faster_is_measured_while_a_graph_is_traced(measuring):
    @tf.function
    def trace():
        return tf.constant(products.bfloat16_pays())

    assert trace().numpy() in (True, False)
    assert "MatMul" not in {
        op.type for op in trace.get_concrete_function().graph.get_operations()
    }
