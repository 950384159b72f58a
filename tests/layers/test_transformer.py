"""The Transformer block and its parts."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mae.layers import MLP, SelfAttention, TransformerBlock, gelu

from ..checks import check_layer

TOKENS = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")
PADDED = np.array([[True] * 5, [True, True, True, False, False]])


@pytest.mark.parametrize(
    "inputs", [TOKENS, {"tokens": TOKENS, "attention_mask": PADDED}]
)
@pytest.mark.parametrize("layer_class", [SelfAttention, TransformerBlock])
def test_attention_keeps_the_contract(layer_class, inputs):
    check_layer(layer_class, {"num_heads": 2}, inputs)


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


def test_padding_changes_nothing():
    layer = SelfAttention(2)
    padded = np.concatenate([TOKENS[:, :3], 100 * TOKENS[:, 3:]], axis=1)
    mask = np.array([[True] * 3 + [False] * 2] * 2)
    np.testing.assert_allclose(
        layer(padded, attention_mask=mask)[:, :3], layer(TOKENS[:, :3]), atol=1e-6
    )


def test_tokens_without_a_mask_see_all_others():
    layer = SelfAttention(2)
    changed = TOKENS.copy()
    changed[:, 4] += 1
    difference = np.abs(np.subtract(layer(changed), layer(TOKENS))).max(axis=(0, 2))
    assert (difference > 1e-4).all()


def test_attention_equals_keras_multi_head_attention():
    ours, theirs = SelfAttention(2), keras.layers.MultiHeadAttention(2, 4)
    ours.build(TOKENS.shape)
    theirs.build(TOKENS.shape, TOKENS.shape)
    kernels = np.reshape(ours.qkv.kernel, (8, 3, 2, 4))
    q, k, v = np.moveaxis(kernels, 1, 0)
    zeros, output = np.zeros((2, 4)), np.reshape(ours.proj.kernel, (2, 4, 8))
    theirs.set_weights([q, zeros, k, zeros, v, zeros, output, np.zeros(8)])
    np.testing.assert_allclose(ours(TOKENS), theirs(TOKENS, TOKENS), atol=1e-5)


def test_fused_kernel_has_the_xavier_bound_of_the_whole():
    layer = SelfAttention(4)
    layer.build((None, None, 64))
    limit = math.sqrt(6 / (4 * 64))
    assert 0.99 * limit < np.abs(layer.qkv.kernel).max() <= limit
    np.testing.assert_array_equal(layer.qkv.bias, np.zeros(3 * 64))


def test_width_must_be_a_multiple_of_the_heads():
    with pytest.raises(ValueError, match="Received: width=8, num_heads=3"):
        SelfAttention(3)(TOKENS)


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
