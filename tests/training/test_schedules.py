import types

import numpy as np
import pytest

from keras_mae.program import InputError
from training.schedules import check_warmup, warmup_cosine


def test_rises_linearly_then_falls_as_half_a_cosine():
    schedule = warmup_cosine(1.0, epochs=6, warmup_epochs=2, steps_per_epoch=10)
    steps = [0, 10, 20, 40, 60]
    expected = [0, 0.5, 1, 0.5, 0]
    np.testing.assert_allclose([schedule(s) for s in steps], expected, atol=1e-6)


@pytest.mark.parametrize("warmup", [0, 2])
def test_ends_at_the_smallest_rate(warmup):
    schedule = warmup_cosine(0.8, 6, warmup, 10, min_learning_rate=0.2)
    middle = 10 * warmup + (60 - 10 * warmup) / 2
    np.testing.assert_allclose(schedule(10 * warmup), 0.8, rtol=1e-6)
    np.testing.assert_allclose(schedule(middle), 0.5, rtol=1e-6)
    np.testing.assert_allclose(schedule(60), 0.2, rtol=1e-6)


@pytest.mark.parametrize("warmup", [-1, 6.5])
def test_a_warmup_that_does_not_fit_is_an_error(warmup):
    check_warmup(types.SimpleNamespace(epochs=6, warmup_epochs=6))
    config = types.SimpleNamespace(epochs=6, warmup_epochs=warmup)
    with pytest.raises(InputError, match=f"must be 0 to 6, .*received {warmup}, set"):
        check_warmup(config)
