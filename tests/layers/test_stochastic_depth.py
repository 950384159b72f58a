"""Stochastic depth: how often it drops, and what the draw depends on."""

import numpy as np
import pytest

from keras_mae.layers import StochasticDepth

from ..checks import check_layer

ONES = np.ones((1000, 2, 3), "float32")
SEED = np.int32([1, 2])


def test_stochastic_depth_keeps_the_contract():
    check_layer(StochasticDepth, {"rate": 0.25}, ONES[:4])


def test_drops_whole_samples_and_keeps_the_expectation():
    dropped = np.array(StochasticDepth(0.2)(ONES, training=True, seed=SEED))
    assert set(np.unique(dropped)) == {0.0, 1.25}
    assert (dropped == dropped[:, :1, :1]).all()
    assert dropped.mean() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("kwargs", [{}, {"training": False, "seed": SEED}])
def test_drops_nothing_outside_training(kwargs):
    np.testing.assert_array_equal(StochasticDepth(0.9)(ONES, **kwargs), ONES)


def test_rate_zero_drops_nothing():
    np.testing.assert_array_equal(StochasticDepth(0.0)(ONES, training=True), ONES)


def test_draw_depends_on_the_seed_alone():
    layer, other = StochasticDepth(0.5), StochasticDepth(0.5)
    first = layer(ONES, training=True, seed=SEED)
    np.testing.assert_array_equal(first, other(ONES, training=True, seed=SEED))
    assert not np.array_equal(first, layer(ONES, training=True, seed=SEED + 1))


def test_draws_differ_without_a_seed():
    layer = StochasticDepth(0.5)
    assert not np.array_equal(layer(ONES, training=True), layer(ONES, training=True))


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rate_must_leave_something(rate):
    with pytest.raises(ValueError, match=f"Received: rate={rate}"):
        StochasticDepth(rate)
