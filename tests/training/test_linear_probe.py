import keras
import numpy as np
import pytest

from training import linear_probe
from training.features import Features
from training.linear_probe import ProbeConfig, probe_accuracy

CORNERS = np.float32([[5, 0], [0, 5], [-5, 0], [0, -5]])


def corners(n, seed):
    """Points around four corners, and which corner each is at."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, n)
    return CORNERS[labels] + rng.normal(size=(n, 2)).astype("float32"), labels


@pytest.fixture
def features():
    return Features(*corners(200, 0), *corners(100, 1))


def test_probe_finds_corners(features):
    assert probe_accuracy(features, ProbeConfig(epochs=20))["accuracy"] > 0.95


def test_probe_standardises_features(features):
    shifted = Features(
        features.train * 1e-3 + 7,
        features.train_labels,
        features.test * 1e-3 + 7,
        features.test_labels,
    )
    assert probe_accuracy(shifted, ProbeConfig(epochs=20))["accuracy"] > 0.95


def test_probe_draws_nothing_from_global_generators(features):
    keras.utils.set_random_seed(1)
    state = np.random.get_state()[1].copy()
    first = probe_accuracy(features, ProbeConfig(epochs=2, seed=3))
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    keras.utils.set_random_seed(2)
    assert probe_accuracy(features, ProbeConfig(epochs=2, seed=3)) == first


def test_features_are_no_constants_of_the_data_set(features):
    """A constant cannot hold more than 2 GiB."""
    datasets, sizes = [linear_probe._batches(features, 50, ProbeConfig())], []
    while datasets:
        dataset = datasets.pop()
        datasets += dataset._inputs()
        for function in dataset._functions():
            operations = function.function.graph.get_operations()
            constants = [op.outputs[0] for op in operations if op.type == "Const"]
            sizes += [constant.shape.num_elements() for constant in constants]
    assert sizes
    assert max(sizes) < len(features.train)
