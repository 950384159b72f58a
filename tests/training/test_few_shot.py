import dataclasses

import numpy as np
import pytest

from keras_mae.program import InputError
from training.features import Features
from training.few_shot import (
    PENALTIES,
    FewShotConfig,
    few_shot_accuracy,
    ridge_classifier,
)


def clusters(n, seed, spread=0.5):
    """Points in six dimensions around three of the axes, and which axis each is at."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    noise = spread * rng.normal(size=(n, 6))
    return (np.eye(6)[labels] + noise).astype("float32"), labels


@pytest.fixture
def features():
    return Features(*clusters(90, 0), *clusters(60, 1))


def test_more_examples_teach_more(features):
    results = few_shot_accuracy(features, FewShotConfig(shots=(1, 5, 30)))
    assert list(results)[:2] == ["accuracy_1_shot", "std_1_shot"]
    accuracies = [results[f"accuracy_{n}_shot"] for n in (1, 5, 30)]
    assert 1 / 3 < accuracies[0] < accuracies[1] < accuracies[2]
    assert results["std_1_shot"] > 0


def test_all_examples_leave_nothing_to_draw(features):
    results = few_shot_accuracy(features, FewShotConfig(shots=(30,)))
    assert results["std_30_shot"] == 0


def test_seed_alone_decides_what_is_drawn(features):
    config = FewShotConfig(shots=(2,))
    first = few_shot_accuracy(features, config)
    np.random.seed(5)  # noqa: NPY002
    assert few_shot_accuracy(features, config) == first
    assert few_shot_accuracy(features, dataclasses.replace(config, seed=1)) != first


def test_scale_and_offset_of_features_do_not_matter(features):
    moved = dataclasses.replace(
        features, train=100 * features.train + 7, test=100 * features.test + 7
    )
    expected = few_shot_accuracy(features, FewShotConfig(shots=(5,)))
    assert few_shot_accuracy(moved, FewShotConfig(shots=(5,))) == expected


def test_features_that_never_vary_are_left_out(features):
    constant = np.ones((90, 1), "float32"), np.zeros((60, 1), "float32")
    wider = dataclasses.replace(
        features,
        train=np.hstack([features.train, constant[0]]),
        test=np.hstack([features.test, constant[1]]),
    )
    expected = few_shot_accuracy(features, FewShotConfig(shots=(5,)))
    assert few_shot_accuracy(wider, FewShotConfig(shots=(5,))) == expected


@pytest.mark.parametrize("n", [9, 60])  # with fewer and with more examples than 6 + 1
def test_ridge_is_that_of_brute_force(n):
    """Leaving each example out and fitting again chooses the same penalty."""
    examples, labels = clusters(n, 2, spread=1.0)
    x = (examples - examples.mean(0)) / examples.std(0)
    targets = 2 * np.eye(3)[labels] - 1
    penalties = PENALTIES * x.var(0).sum()

    def fit(x, targets, penalty):
        mean = x.mean(0)
        gram = (x - mean).T @ (x - mean) + penalty * np.eye(6)
        weights = np.linalg.solve(gram, (x - mean).T @ (targets - targets.mean(0)))
        return lambda new: (new - mean) @ weights + targets.mean(0)

    def left_out_error(penalty):
        rest = [np.arange(n) != i for i in range(n)]
        fits = [fit(x[r], targets[r], penalty)(x[~r]) for r in rest]
        return np.mean((np.concatenate(fits) - targets) ** 2)

    best = penalties[np.argmin([left_out_error(penalty) for penalty in penalties])]
    new, _ = clusters(20, 3)
    expected = fit(x, targets, best)((new - examples.mean(0)) / examples.std(0))
    np.testing.assert_allclose(
        ridge_classifier(examples, labels, 3)(new), expected, rtol=1e-4, atol=1e-5
    )


def test_numbers_that_a_class_does_not_have_are_left_out(features):
    results = few_shot_accuracy(features, FewShotConfig(shots=(5, 31)))
    assert list(results) == ["accuracy_5_shot", "std_5_shot"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"shots": (31, 40)}, "between 1 and 30, the images of the smallest class"),
        ({"shots": (0, 5)}, "between 1 and 30"),
        ({"draws": 1}, "draws must be at least 2"),
    ],
)
def test_impossible_settings_are_errors(features, wrong, message):
    with pytest.raises(InputError, match=message):
        few_shot_accuracy(features, FewShotConfig(**wrong))
