"""Facts of a training step's graph that do not depend on a machine's noise.

Limits, and not equalities: fewer is better. They are of the `hybrid` step of a CPU;
what is inside of its compiled functions is not counted.
"""

import functools
import math

import keras
import pytest
import tensorflow as tf

import keras_mae
from keras_mae.layers import (
    TransformerBlock,
    compiled_chains,
    products,
    rematerialised_blocks,
)
from training.flops import block_flops
from training.study.graph_flops import CALLS, graph_flops, sum_over_graph

IMAGES, TOKENS, DIM = 4, 5, 64  # of a step; of an image in the encoder; of a token
# Operations whose result is no memory of their own, and the zeros that `GradientTape`
# makes for results without gradient, which nothing reads.
VIEWS = {"Reshape", "Identity", "IdentityN", "ExpandDims", "Squeeze", "Placeholder"}
UNREAD = {"Const", "Fill"}


@pytest.fixture(autouse=True)
def bfloat16_is_multiplied(monkeypatch):
    """As on a CPU that gains by it, whatever this one is."""
    monkeypatch.setattr(products, "bfloat16_pays", lambda: True)


@functools.cache
def step(precision, depth=1, images=IMAGES):
    """Returns the step of a tiny autoencoder, and what it is traced with."""
    model = keras_mae.MaskedAutoencoder(
        32, 8, 3, DIM, depth, num_heads=2, decoder_embed_dim=32, decoder_depth=1,
        decoder_num_heads=2, norm_pix_loss=True, dtype=precision,
    )  # fmt: skip
    model.compute = "hybrid"
    model.compile(keras.optimizers.SGD())
    model.optimizer.build(model.trainable_variables)
    function = tf.function(model.train_step, autograph=False)
    return function, tf.TensorSpec((images, 32, 32, 3))


def sums(cost, *of_step, **changes):
    """Returns the sum of a cost over the graph of `step`, compiled functions as one."""

    def own(op):
        return None if op.type in CALLS and not is_compiled(op) else cost(op)

    function, images = step(*of_step, **changes)
    return sum_over_graph(function.get_concrete_function(images).graph, own)


def is_compiled(op):
    attributes = op.node_def.attr
    return "_XlaMustCompile" in attributes and attributes["_XlaMustCompile"].b


def is_of_matrices(op):
    result = op.outputs[0]
    return result.dtype.is_floating and result.shape.rank >= 2


def count(kind, *of_step, **changes):
    """Returns how many operations of a kind make matrices."""
    counts = sums(
        lambda op: int(is_of_matrices(op)) if op.outputs else 0, *of_step, **changes
    )
    return counts[kind]


def bytes_written(op):
    """Returns the size of an operation's results."""
    if op.type in VIEWS | UNREAD:
        return 0
    return sum(
        result.dtype.size * math.prod(result.shape)
        for result in op.outputs
        if result.dtype.is_floating and result.shape.is_fully_defined()
    )


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_block_splits_and_merges_its_heads_and_transposes_nothing_else(precision):
    # Forward and backward.
    one, two = (count("Transpose", precision, depth) for depth in (1, 2))
    assert two - one <= 4
    # Two blocks; patches and targets; the hidden patches' gradient.
    assert one <= 2 * 4 + 2 + 2


def test_single_precision_casts_masks_alone():
    one, two = (count("Cast", "float32", depth) for depth in (1, 2))
    assert two == one <= 4


def test_half_precision_casts_kernels_and_their_gradients_alone():
    one, two = (count("Cast", "mixed_bfloat16", depth) for depth in (1, 2))
    # qkv, proj, fc1, fc2: each kernel and its gradient once.
    assert two - one <= 2 * 4
    # Two blocks; three kernels outside of them; the class token and the mask token,
    # with gradients; three tables of positions; patches, five masks, predictions and
    # their gradient.
    assert one <= 2 * 8 + 3 * 2 + 2 * 2 + 3 + 8


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_block_multiplies_what_its_shapes_say(precision):
    one, two = (sum(graph_flops(*step(precision, depth)).values()) for depth in (1, 2))
    expected = 3 * IMAGES * block_flops(TOKENS, DIM)
    assert two - one == pytest.approx(expected, rel=0.01)


# Norms and GELUs made anew for gradients are a twentieth of it; see the last test.
@pytest.mark.parametrize(
    ("precision", "limit"), [("float32", 505_000), ("mixed_bfloat16", 349_000)]
)
def test_an_image_writes_few_bytes(precision, limit):
    written = [
        sum(sums(bytes_written, precision, images=images).values())
        for images in (IMAGES, 2 * IMAGES)
    ]
    assert (written[1] - written[0]) / IMAGES <= limit


def kept_for_the_gradient(layer, tokens, remat=False):
    """Returns the float tensors of images or tokens that a layer's gradient reads."""
    kept = {}

    @tf.function(autograph=False)
    def run(tokens):
        graph = tf.compat.v1.get_default_graph()
        contexts = compiled_chains(), rematerialised_blocks(remat)
        with contexts[0], contexts[1], tf.GradientTape() as tape:
            tape.watch(tokens)
            result = layer(tokens)
            forward = set(graph.get_operations())
            tape.gradient(result, [tokens, *layer.trainable_variables])
        for op in set(graph.get_operations()) - forward:
            for tensor in op.inputs:
                while tensor.op.type in VIEWS - {"Placeholder"}:
                    tensor = tensor.op.inputs[0]
                if tensor.op in forward and tensor.dtype.is_floating:
                    kept[tensor.ref()] = tensor

    run.get_concrete_function(tokens)
    batch = [[IMAGES], [IMAGES * TOKENS]]
    return [t for t in kept.values() if t.shape[:1] in batch]


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_block_keeps_neither_norms_nor_gelus_for_its_gradient(policy):
    block, heads = TransformerBlock(2, dtype=policy), 2
    block.build((IMAGES, TOKENS, DIM))
    dtype = block.compute_dtype
    kept = kept_for_the_gradient(block, tf.TensorSpec((IMAGES, TOKENS, DIM), dtype))
    # The input; queries, keys, values; what was attended; between attention and
    # MLP; what goes into GELU. And the softmax's weights.
    numbers = (1 + 3 + 1 + 1 + 4) * DIM + heads * TOKENS
    assert sum(math.prod(t.shape) for t in kept) == IMAGES * TOKENS * numbers
    assert {t.dtype for t in kept} == {tf.as_dtype(dtype)}


def test_products_in_float32_keep_bfloat16_alone(monkeypatch):
    monkeypatch.setattr(products, "bfloat16_pays", lambda: False)
    test_a_block_keeps_neither_norms_nor_gelus_for_its_gradient("mixed_bfloat16")


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_rematerialised_block_keeps_its_input_alone(policy):
    block = TransformerBlock(2, dtype=policy)
    block.build((IMAGES, TOKENS, DIM))
    spec = tf.TensorSpec((IMAGES, TOKENS, DIM), block.compute_dtype)
    kept = kept_for_the_gradient(block, spec, remat=True)
    assert [t.op.type for t in kept] == ["Placeholder"]
