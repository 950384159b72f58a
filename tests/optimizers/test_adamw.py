from collections import Counter

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_mae
from keras_mae.optimizers import AdamW, adamw_arguments, finetuning_rules


def by_rules(model, **kwargs):
    # A large epsilon: without it Adam makes whole steps of rounding errors.
    tables = adamw_arguments(model, finetuning_rules(model, 0.5, 0.1))
    return AdamW(0.1, epsilon=1e-2, **tables, **kwargs)


def variables(*values):
    return [
        keras.Variable(np.float32(value), name=f"v{i}")
        for i, value in enumerate(values)
    ]


def test_steps_are_scaled_variable_by_variable():
    first, second = variables([1.0], [1.0])
    scales = {first.path: 1.0, second.path: 0.1}
    optimizer = AdamW(0.01, learning_rate_scales=scales)
    optimizer.apply([np.float32([1.0])] * 2, [first, second])
    np.testing.assert_allclose(first, [1 - 0.01], rtol=1e-5)
    np.testing.assert_allclose(second, [1 - 0.001], rtol=1e-5)


def test_decay_is_scaled_with_the_learning_rate():
    first, second = variables([1.0], [[1.0]])
    optimizer = AdamW(
        0.1,
        learning_rate_scales={first.path: 1.0, second.path: 0.5},
        weight_decays={first.path: 0.2, second.path: 0.4},
    )
    optimizer.apply([np.float32([0.0]), np.float32([[0.0]])], [first, second])
    np.testing.assert_allclose(first, [1 - 0.1 * 0.2])
    np.testing.assert_allclose(second, [[1 - 0.1 * 0.5 * 0.4]])


def test_without_tables_vectors_are_not_decayed():
    vector, matrix = variables([1.0], [[1.0]])
    optimizer = AdamW(0.1, weight_decay=0.5)
    optimizer.apply([np.float32([0.0]), np.float32([[0.0]])], [vector, matrix])
    np.testing.assert_array_equal(vector, [1.0])
    np.testing.assert_allclose(matrix, [[0.95]])


@pytest.mark.parametrize("count", [1, 3])
def test_what_variables_share_is_computed_once(count):
    matrices = variables(*([[[1.0]]] * count))
    optimizer = AdamW(0.1)
    optimizer.build(matrices)
    apply = tf.function(lambda: optimizer.apply([tf.ones((1, 1, 1))] * count))
    graph = apply.get_concrete_function().graph
    ops = Counter(op.type for op in graph.get_operations())
    assert ops["ResourceApplyAdam"] == count
    assert (ops["Pow"], ops["Sqrt"]) == (2, 1)


def test_what_keras_excludes_is_not_decayed_either():
    matrix, other = variables([[1.0]], [[1.0]])
    optimizer = AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[matrix])
    optimizer.apply([np.float32([[0.0]])] * 2, [matrix, other])
    np.testing.assert_array_equal(matrix, [[1.0]])
    np.testing.assert_allclose(other, [[0.95]])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, r"Missing: \['v0'\]; unknown: \[\]"),
        ({"v0": 1.0, "w": 1.0}, r"Missing: \[\]; unknown: \['w'\]"),
    ],
)
@pytest.mark.parametrize("name", ["learning_rate_scales", "weight_decays"])
def test_tables_name_all_variables_and_nothing_else(name, table, message):
    with pytest.raises(ValueError, match=f"`{name}` must name.*{message}"):
        AdamW(**{name: table}).build(variables([1.0]))


def test_moving_average_follows_the_weights():
    (variable,) = variables([1.0])
    optimizer = AdamW(0.01, use_ema=True, ema_momentum=0.5)
    seen = []
    for _ in range(3):
        optimizer.apply([np.float32([1.0])], [variable])
        seen.append(float(variable[0]))
    optimizer.finalize_variable_values([variable])
    expected = 0.5 * (0.5 * seen[0] + 0.5 * seen[1]) + 0.5 * seen[2]
    np.testing.assert_allclose(variable, [expected], rtol=1e-6)


def test_two_replicas_follow_rules_and_average_as_one_device(fit):
    average = {"use_ema": True, "ema_momentum": 0.5}
    one = fit(lambda model: by_rules(model, **average))
    two = fit(lambda model: by_rules(model, **average), "mirrored")
    for first, second in zip(one, two, strict=True):
        np.testing.assert_allclose(second, first, atol=1e-6)


def test_a_saved_model_keeps_rules_and_averages(classifier, tmp_path):
    model = classifier()
    model.compile(by_rules(model, use_ema=True), "mse")
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    optimizer = keras_mae.load(tmp_path / "model.keras").optimizer
    assert optimizer.get_config() == model.optimizer.get_config()
    assert optimizer.learning_rate_scales["encoder/cls_token"] == pytest.approx(1e-3)
    assert len(optimizer.variables) == len(model.optimizer.variables)
