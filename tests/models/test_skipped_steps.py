"""A step that is not finite is left out; loss and counts say so."""

import numpy as np
import pytest

from .steps import Line, batches, compiled, train


def state(model):
    variables = [*model.weights, *model.optimizer.variables]
    return {variable.path: np.array(variable) for variable in variables}


@pytest.mark.parametrize(
    ("strategy", "parts", "jit_compile"),
    [
        ("one", 1, False),
        ("one", 2, True),
        ("mirrored", 1, False),
        ("mirrored", 2, False),
    ],
)
def test_a_step_that_is_not_finite_changes_nothing(strategy, parts, jit_compile):
    model = compiled(Line, strategy, parts, jit_compile=jit_compile)
    train(model, batches(), steps=1)
    before = state(model)
    train(model, batches(1, bad=[0]), steps=2)
    after = state(model)
    changed = [path for path in after if not np.array_equal(after[path], before[path])]
    # Schedule and masks go on.
    assert [path.split("/")[-1] for path in changed] == ["iteration"]
    assert after[changed[0]] == 3
    assert (model.step_watch.skipped, model.step_watch.skipped_in_a_row) == (2, 2)
    assert model.step_watch.last_skipped == 2


@pytest.mark.parametrize("strategy", ["one", "mirrored"])
def test_the_loss_is_that_of_steps_that_were_not_left_out(strategy):
    good, one_bad = compiled(Line, strategy), compiled(Line, strategy)
    expected = train(good, batches(), steps=1)["loss"]
    assert train(one_bad, batches(2, bad=[1]), steps=2)["loss"] == expected
    assert one_bad.step_watch.skipped_in_a_row == 1
    train(one_bad, batches(), steps=1)
    assert one_bad.step_watch.skipped_in_a_row == 0
    assert (one_bad.step_watch.skipped, one_bad.step_watch.last_skipped) == (1, 1)


@pytest.mark.parametrize("strategy", ["one", "mirrored"])
def test_loss_scaling_leaves_steps_out_and_scales_less(strategy):
    model = compiled(lambda: Line(dtype="mixed_float16"), strategy)
    train(model, batches(2, bad=[0]), steps=2)
    values = state(model)
    assert values["loss_scale_optimizer/dynamic_scale"] == 2**14
    assert values[f"{model.optimizer.inner_optimizer.name}/iteration"] == 2
    assert model.step_watch.skipped == 1
    assert all(np.isfinite(value).all() for value in values.values())


def test_gradient_norm_does_not_depend_on_loss_scaling():
    norms = []
    for dtype in ("float32", "mixed_float16"):
        model = compiled(lambda dtype=dtype: Line(dtype=dtype))
        train(model, batches(), steps=1)
        norms.append(model.step_watch.gradient_norm)
    assert norms[1] == pytest.approx(norms[0], rel=0.02)


def test_counts_can_start_anew():
    model = compiled(Line)
    train(model, batches(2, bad=[1]), steps=2)
    assert model.step_watch.gradient_norm > 0
    model.step_watch.reset()
    assert model.step_watch.gradient_norm == 0
    assert model.step_watch.skipped == 0
    assert model.step_watch.skipped_in_a_row == 1  # a row is not over yet
