"""The Transformer block and its parts."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mae.layers import MLP, TransformerBlock, gelu

from ..checks import check_layer

TOKENS = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")
PADDED = np.array([[True] * 5, [True, True, True, False, False]])


@pytest.mark.parametrize(
    "inputs", [TOKENS, {"tokens": TOKENS, "attention_mask": PADDED}]
)
def test_block_keeps_the_contract(inputs):
    check_layer(TransformerBlock, {"num_heads": 2}, inputs)


def test_block_keeps_the_contract_with_every_argument():
    config = {"num_heads": 4, "mlp_ratio": 2.5, "layer_norm_eps": 1e-12}
    check_layer(TransformerBlock, {**config, "drop_path_rate": 0.1}, TOKENS)


def test_mlp_keeps_the_contract():
    check_layer(MLP, {"hidden_dim": 6}, TOKENS)


def test_gelu_is_exact():
    x = np.linspace(-6, 6, 101)
    exact = [0.5 * value * (1 + math.erf(value / math.sqrt(2))) for value in x]
    np.testing.assert_allclose(gelu(tf.constant(x, "float64")), exact, atol=1e-15)


def test_gelu_holds_erf_which_onnx_has_and_not_erfc():
    graph = tf.function(gelu).get_concrete_function(tf.TensorSpec((3,))).graph
    operations = {operation.type for operation in graph.get_operations()}
    assert "Erf" in operations
    assert "Erfc" not in operations


def test_block_adds_attention_then_mlp():
    block = TransformerBlock(2)
    block.build(TOKENS.shape)
    tokens = TOKENS + block.attn(block.norm1(TOKENS))
    expected = tokens + block.mlp(block.norm2(tokens))
    np.testing.assert_allclose(block(TOKENS), expected, atol=1e-6)


def test_block_drops_branches_only_in_training():
    block = TransformerBlock(2, drop_path_rate=0.5)
    seed = np.int32([1, 2])
    dropped = block(TOKENS, training=True, seed=seed)
    np.testing.assert_array_equal(dropped, block(TOKENS, training=True, seed=seed))
    assert not np.array_equal(dropped, block(TOKENS))
    np.testing.assert_array_equal(block(TOKENS), block(TOKENS, training=False))


def test_block_drops_its_two_branches_independently():
    block = TransformerBlock(2, drop_path_rate=0.5)
    block.build(TOKENS.shape)
    block.attn.proj.bias.assign(np.ones(8))
    block.attn.proj.kernel.assign(np.zeros((8, 8)))
    block.mlp.fc2.bias.assign(10 * np.ones(8))
    block.mlp.fc2.kernel.assign(np.zeros((32, 8)))
    tokens = np.zeros((200, 1, 8), "float32")
    sums = block(tokens, training=True, seed=np.int32([1, 2]))[:, 0, 0]
    assert set(np.array(sums)) == {0.0, 2.0, 20.0, 22.0}


def test_block_returns_the_last_tokens_alone_where_only_these_are_wanted():
    block = TransformerBlock(2)
    assert block(keras.Input((5, 8)), num_queries=2).shape == (None, 2, 8)
    np.testing.assert_allclose(
        block(TOKENS, num_queries=2), block(TOKENS)[:, -2:], atol=1e-6
    )


def test_a_block_has_a_head_or_more():
    with pytest.raises(ValueError, match="positive integer. Received: num_heads=-1"):
        TransformerBlock(-1)
