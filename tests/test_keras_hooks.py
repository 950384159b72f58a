"""Keras' private names are there, in the range that is pinned, and used in one file."""

import ast
import inspect
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from keras.src.backend.tensorflow.trainer import TFEpochIterator

import keras_mae
from keras_mae import keras_hooks
from keras_mae.keras_hooks import FitHooks, UpdateHooks, handing_over_sums

PACKAGE = Path(keras_mae.__file__).parent
HOOKS = PACKAGE / "keras_hooks.py"
SETUP = PACKAGE.parent / "setup.py"
REPLACED = {
    FitHooks: (
        keras.Model,
        ("_resolve_auto_jit_compile", "_maybe_symbolic_build", "_make_function"),
    ),
    UpdateHooks: (
        keras.optimizers.Optimizer,
        ("_backend_update_step", "_apply_weight_decay"),
    ),
}
# What `keras_hooks.py` calls so itself.
OWN = {"_build_metrics", "_has_workers"}
ELSEWHERE = {
    # LARS' own variables, as Adam calls some of its; checkpoints know them by it.
    ("optimizers/lars.py", "_momentums"),
}


def private_names(path):
    """Returns the private names that a module defines in classes or asks objects."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.ClassDef):
            names |= {getattr(statement, "name", "") for statement in node.body}
            names |= assigned(node.body)
    return {name for name in names if re.match("_[a-z]", name)}


def assigned(body):
    targets = [t for node in body if isinstance(node, ast.Assign) for t in node.targets]
    return {target.id for target in targets if isinstance(target, ast.Name)}


@pytest.fixture(scope="module")
def names_of_keras():
    """The names that Keras' models, optimizers and what belongs to them have."""
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.AdamW(), "mse", metrics=["mae"])
    data = np.ones((2, 1))
    model.fit(data, data, verbose=0)
    parts = (model, model.optimizer, model.layers[0], *model.weights, *model.metrics)
    parts += (model._compile_loss, model._compile_metrics)
    parts += (TFEpochIterator, keras.optimizers.LossScaleOptimizer)
    return {name for part in parts for name in dir(part)}


def test_keras_still_has_all_that_is_used(names_of_keras):
    used = private_names(HOOKS)
    assert {"_iterations", "_compile_loss", "_use_weight_decay"} <= used
    assert used - OWN <= names_of_keras


@pytest.mark.parametrize("hooks", REPLACED)
def test_what_is_replaced_takes_what_keras_hands_over(hooks):
    original, names = REPLACED[hooks]
    for name in names:
        expected = inspect.signature(getattr(original, name))
        assert inspect.signature(vars(hooks)[name]) == expected


def test_nothing_else_is_replaced(names_of_keras):
    for hooks, (_, names) in REPLACED.items():
        private = {name for name in vars(hooks) if re.match("_[a-z]", name)}
        assert private & names_of_keras == set(names)


def test_no_other_file_uses_keras_private_names(names_of_keras):
    found = {
        (path.relative_to(PACKAGE).as_posix(), name)
        for path in PACKAGE.rglob("*.py")
        for name in private_names(path) & names_of_keras
        if path != HOOKS
    }
    assert found == ELSEWHERE


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
