"""Draws: the same with XLA and without, and uniform."""

import numpy as np
import pytest
import tensorflow as tf

from keras_mae.layers.draws import draw_integers, draw_uniform

SEED = np.int32([1, 2])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_draws_are_the_same(jit_compile):
    uniform = tf.function(
        lambda seed: draw_uniform((4, 5), seed), jit_compile=jit_compile
    )
    np.testing.assert_array_equal(uniform(SEED), draw_uniform((4, 5), SEED))


def test_uniform_fills_zero_to_one():
    draws = np.array(draw_uniform((10_000,), SEED))
    assert draws.dtype == "float32"
    assert 0 <= draws.min() < 0.01
    assert 0.99 < draws.max() < 1
    assert draws.mean() == pytest.approx(0.5, abs=0.02)
    assert len(np.unique(draws)) > 9_900


def test_integers_stay_below_the_limit():
    assert set(np.array(draw_integers((100,), SEED, 3))) == {0, 1, 2}
