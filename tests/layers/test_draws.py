"""Draws: the same with XLA and without, and uniform."""

import numpy as np
import pytest
import tensorflow as tf

from keras_mae.layers.draws import draw_integers, draw_uniform, part_of_batch

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


@pytest.mark.parametrize(("shape", "axis"), [((6, 2), 0), ((3, 6, 2), 1)])
def test_parts_of_a_batch_draw_the_rows_of_the_whole(shape, axis):
    whole = draw_uniform(shape, SEED, axis)
    of_part = tuple(2 if i == axis else size for i, size in enumerate(shape))
    parts = []
    for index in range(3):
        with part_of_batch(index, 3):
            parts.append(draw_uniform(of_part, SEED, axis))
    np.testing.assert_array_equal(np.concatenate(parts, axis), whole)


def test_parts_of_replicas_draw_the_rows_of_the_whole():
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"],
        cross_device_ops=tf.distribute.HierarchicalCopyAllReduce(),
    )

    def draw():
        parts = []
        for index in range(2):
            with part_of_batch(tf.constant(index), 2):
                parts.append(draw_integers((3,), SEED, 1000))
        return tf.concat(parts, 0)

    shares = strategy.experimental_local_results(strategy.run(draw))
    whole = draw_integers((12,), SEED, 1000)
    np.testing.assert_array_equal(np.concatenate(shares), whole)
