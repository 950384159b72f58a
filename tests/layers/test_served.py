import numpy as np
import pytest
import tensorflow as tf

from keras_mae.layers.compiled import LayerNorm
from keras_mae.layers.served import served_norms

RNG = np.random.default_rng(0)


def noisy_norm(dtype="float32"):
    norm = LayerNorm(1e-6, dtype=dtype)
    norm.build((None, 8))
    norm.set_weights([RNG.normal(size=8), RNG.normal(size=8)])
    return norm


@pytest.mark.parametrize("scale", [1.0, 1e-3])  # where epsilon is and is not small
@pytest.mark.parametrize("shape", [(2, 3, 8), (4, 8)])
def test_served_norm_is_the_layers(scale, shape):
    norm, x = noisy_norm(), (scale * RNG.normal(size=shape)).astype("float32")
    with served_norms():
        served = norm(x)
    np.testing.assert_allclose(served, norm(x), atol=2e-6)


def test_served_norm_of_bfloat16_is_near():
    norm = noisy_norm("mixed_bfloat16")
    x = tf.constant(RNG.normal(size=(2, 3, 8)), tf.float32)
    with served_norms():
        served = norm(x)
    assert served.dtype == tf.bfloat16
    np.testing.assert_allclose(
        tf.cast(served, "float32"), tf.cast(norm(x), "float32"), atol=0.05
    )


def test_graphs_traced_inside_hold_the_form_that_becomes_one_op():
    norm, spec = noisy_norm(), tf.TensorSpec((None, 3, 8), tf.float32)
    with served_norms():
        graph = tf.function(norm, [spec], autograph=False).get_concrete_function().graph
    ops = {op.type for op in graph.get_operations()}
    assert "FusedBatchNormV3" in ops
    assert not ops & {"Mean", "SquaredDifference", "Rsqrt"}
    outside = tf.function(norm, [spec], autograph=False).get_concrete_function().graph
    assert "Mean" in {op.type for op in outside.get_operations()}
