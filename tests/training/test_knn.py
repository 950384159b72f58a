import dataclasses

import numpy as np
import pytest

from keras_mae.program import InputError
from training.features import Features
from training.knn import KnnConfig, knn_accuracy, nearest_neighbours


@pytest.fixture
def features():
    """Points around four corners, and which corner each is at."""

    def corners(n, seed):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 4, n)
        centres = np.float32([[5, 0], [0, 5], [-5, 0], [0, -5]])
        return centres[labels] + rng.normal(size=(n, 2)).astype("float32"), labels

    return Features(*corners(400, 0), *corners(100, 1))


def test_neighbours_find_corners(features):
    accuracies = knn_accuracy(features, KnnConfig())
    assert list(accuracies) == ["accuracy_k20", "accuracy_k200"]
    assert min(accuracies.values()) > 0.95


def test_nearest_neighbour_can_be_checked_by_hand():
    train = np.float32([[1, 0], [1, 0.1], [0, 1]])
    features = Features(train, np.array([0, 0, 1]), train[1:], np.array([0, 0]))
    assert knn_accuracy(features, KnnConfig(k=(1,))) == {"accuracy_k1": 0.5}


def test_temperature_decides_whether_the_near_one_or_the_many_win():
    # One neighbour at cosine 1 of class 0, two at cosine 0 of class 1.
    train = np.float32([[1, 0], [0, 1], [0, -1]])
    features = Features(train, np.array([0, 1, 1]), train[:1], np.array([0]))
    cold, hot = (KnnConfig(k=(3,), temperature=t) for t in (0.07, 10))
    assert knn_accuracy(features, cold) == {"accuracy_k3": 1.0}  # 1 against 2 e^-14
    assert knn_accuracy(features, hot) == {"accuracy_k3": 0.0}  # 1 against 2 e^-0.1


def test_more_neighbours_than_images_are_all_images(features):
    few = dataclasses.replace(
        features, train=features.train[:30], train_labels=features.train_labels[:30]
    )
    accuracies = knn_accuracy(few, KnnConfig(k=(30, 200)))
    assert accuracies["accuracy_k200"] == accuracies["accuracy_k30"]


def test_length_of_features_does_not_matter(features):
    scaled = dataclasses.replace(features, train=1000 * features.train)
    assert knn_accuracy(scaled, KnnConfig()) == knn_accuracy(features, KnnConfig())


@pytest.mark.parametrize("sizes", [(7, 400), (100, 7), (33, 399)])
def test_chunks_of_queries_and_bank_change_nothing(features, sizes):
    config = KnnConfig(k=(1, 5, 20))
    small = dataclasses.replace(
        config, query_batch_size=sizes[0], bank_batch_size=sizes[1]
    )
    assert knn_accuracy(features, small) == knn_accuracy(features, config)


@pytest.mark.parametrize("bank_batch_size", [1, 2, 3, 100])
def test_of_equally_near_vectors_the_first_come_first(bank_batch_size):
    bank = np.float32([[0, 1], [1, 0], [0, 1], [1, 0], [1, 0], [0, 1], [1, 0]])
    cosine, nearest = nearest_neighbours(np.float32([[2, 0]]), bank, 5, bank_batch_size)
    np.testing.assert_array_equal(nearest, [[1, 3, 4, 6, 0]])
    np.testing.assert_array_equal(cosine, [[1, 1, 1, 1, 0]])


@pytest.mark.parametrize("k", [1, 20])
def test_neighbours_are_those_of_a_full_sort(k):
    rng = np.random.default_rng(0)
    queries, bank = (rng.normal(size=(n, 16)).astype("float32") for n in (50, 300))
    products = queries @ bank.T / np.linalg.norm(bank, axis=1)
    expected = np.argsort(-products, axis=1, kind="stable")[:, :k]
    _, nearest = nearest_neighbours(queries, bank, k, 64)
    np.testing.assert_array_equal(nearest, expected)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"k": (20, 0)}, "k must be at least 1"),
        ({"temperature": 0.0}, "temperature must be above 0"),
    ],
)
def test_impossible_settings_are_errors(features, wrong, message):
    with pytest.raises(InputError, match=message):
        knn_accuracy(features, KnnConfig(**wrong))
