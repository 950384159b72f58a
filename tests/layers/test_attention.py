"""Self-attention: who sees whom, and a gradient that need not be told apart."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mae.layers import SelfAttention, compiled_chains

from ..checks import check_layer

TOKENS = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")
PADDED = np.array([[True] * 5, [True, True, True, False, False]])


@pytest.mark.parametrize(
    "inputs", [TOKENS, {"tokens": TOKENS, "attention_mask": PADDED}]
)
def test_attention_keeps_the_contract(inputs):
    check_layer(SelfAttention, {"num_heads": 2}, inputs)


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


def test_the_last_tokens_can_ask_alone():
    layer = SelfAttention(2)
    assert layer(keras.Input((5, 8)), num_queries=2).shape == (None, 2, 8)
    np.testing.assert_allclose(
        layer(TOKENS, num_queries=2), layer(TOKENS)[:, -2:], atol=1e-6
    )


@pytest.mark.parametrize("num_queries", [None, 2])
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_lean_gradient_of_a_training_step_is_the_same(
    dtype, num_queries, bfloat16_pays
):
    layer = SelfAttention(2, dtype=dtype)
    layer.build(TOKENS.shape)

    def run():
        tokens = tf.constant(TOKENS)
        with tf.GradientTape() as tape:
            tape.watch(tokens)
            result = tf.cast(layer(tokens, num_queries=num_queries), tf.float32)
            loss = tf.reduce_sum(result * np.arange(8.0, dtype="float32"))
        return [result, *tape.gradient(loss, [tokens, *layer.trainable_variables])]

    plain = run()
    with compiled_chains():
        lean = run()
    tolerance = {"float32": 1e-5, "mixed_bfloat16": 0.3, "mixed_float16": 0.05}[dtype]
    for a, b in zip(plain, lean, strict=True):
        np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance)


def test_there_is_a_head_or_more():
    with pytest.raises(ValueError, match="positive integer. Received: num_heads=0"):
        SelfAttention(0)
