"""The private methods that are replaced are there, in the range that is pinned."""

import re
from pathlib import Path

import keras
import pytest

import keras_mae
from keras_mae.models import keras_hooks
from keras_mae.models.keras_hooks import FitHooks, handing_over_sums

SETUP = Path(keras_mae.__file__).parents[1] / "setup.py"


def test_keras_still_has_what_is_replaced():
    for name in ("_maybe_symbolic_build", "_make_function"):
        assert name in vars(FitHooks)
        assert callable(getattr(keras.Model, name))
    assert callable(keras.optimizers.Optimizer._all_reduce_sum_gradients)


def test_the_range_they_were_written_for_is_the_one_that_is_installed():
    (pinned,) = re.findall(r'"(keras>=[^"]+)"', SETUP.read_text())
    assert pinned in keras_hooks.__doc__


@pytest.mark.parametrize("scaled", [False, True])
def test_an_optimizer_is_as_it_was_afterwards(scaled):
    optimizer = inner = keras.optimizers.SGD()
    if scaled:
        optimizer = keras.optimizers.LossScaleOptimizer(inner)
    method = inner._all_reduce_sum_gradients
    with handing_over_sums(optimizer):
        assert inner._all_reduce_sum_gradients(["pair"]) == ["pair"]
    assert inner._all_reduce_sum_gradients == method
