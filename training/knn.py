"""Judges features by their nearest neighbours: `python -m training.knn --help`."""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_mae.program import InputError

from .judge import JudgeConfig, judge
from .settings import check_counts


@dataclasses.dataclass(frozen=True)
class KnnConfig(JudgeConfig):
    """Settings of the k-nearest-neighbour classifier."""

    # Neighbours that vote; one accuracy for each number.
    k: tuple[int, ...] = (20, 200)
    # Votes weigh exp(cosine / temperature).
    temperature: float = 0.07
    # Test images compared at once.
    query_batch_size: int = 1024
    # Training images compared at once.
    bank_batch_size: int = 16384

    def check(self):
        super().check()
        check_counts(self, ("query_batch_size", "bank_batch_size"))
        if min(self.k) < 1:
            raise InputError(f"k must be at least 1; received {self.k}")
        if self.temperature <= 0:
            raise InputError(
                f"temperature must be above 0; received {self.temperature}"
            )


def knn_accuracy(features, config):
    """Returns top-1 accuracies of a vote of cosine neighbours, weighted by closeness.

    Where there are fewer than k training images, all of them vote. Of equally near
    images the first ones are taken, of classes with equally many votes the first one.

    Args:
        features: `Features`.
        config: `KnnConfig`.

    Returns:
        Dictionary of `accuracy_k20` and so on.

    Raises:
        InputError: A setting cannot be used, such as a `k` below 1.

    Reference: [Wu et al., 2018](https://arxiv.org/abs/1805.01978), section 3.4.
    """
    config.check()
    correct = dict.fromkeys(config.k, 0)
    for start in range(0, len(features.test), config.query_batch_size):
        queries = slice(start, start + config.query_batch_size)
        cosine, nearest = nearest_neighbours(
            features.test[queries],
            features.train,
            max(config.k),
            config.bank_batch_size,
        )
        weights = np.exp((cosine - 1) / config.temperature)  # at most 1
        labels = features.train_labels[nearest]
        for k in correct:
            votes = _votes(labels[:, :k], weights[:, :k], features.num_classes)
            correct[k] += (votes.argmax(1) == features.test_labels[queries]).sum()
    count = len(features.test)
    return {f"accuracy_k{k}": float(right / count) for k, right in correct.items()}


def nearest_neighbours(queries, bank, k, bank_batch_size):
    """Returns the cosines and places of the nearest vectors of a bank, nearest first.

    Only `bank_batch_size` vectors are compared at once, so that memory does not grow
    with the bank. Of vectors equally near, those with the lower places come first.

    Args:
        queries: Float32 array `(q, dim)`.
        bank: Float32 array `(n, dim)`.
        k: Integer. At most `n` are returned.
        bank_batch_size: Integer.

    Returns:
        Float32 and integer arrays `(q, min(k, n))`.
    """
    k = min(k, len(bank))
    queries = tf.math.l2_normalize(queries, axis=1)
    cosine = tf.fill([len(queries), k], -np.inf)
    nearest = tf.zeros([len(queries), k], tf.int32)
    for start in range(0, len(bank), bank_batch_size):
        batch = tf.math.l2_normalize(bank[start : start + bank_batch_size], axis=1)
        places = tf.range(start, start + len(batch))
        places = tf.broadcast_to(places, [len(queries), len(batch)])
        products = tf.matmul(queries, batch, transpose_b=True)
        # What was nearest before comes first: `top_k` takes the first of equals.
        cosine, order = tf.math.top_k(tf.concat([cosine, products], axis=1), k)
        nearest = tf.gather(tf.concat([nearest, places], axis=1), order, batch_dims=1)
    return np.array(cosine), np.array(nearest)


def _votes(labels, weights, num_classes):
    votes = np.zeros((len(labels), num_classes))
    np.add.at(votes, (np.arange(len(labels))[:, None], labels), weights)
    return votes


def main(argv=None):
    """Runs the program; returns its results."""
    return judge(
        "knn",
        "Classifies test images by a vote of the nearest training images in feature "
        "space, beside a random encoder and raw pixels.",
        KnnConfig(),
        knn_accuracy,
        argv,
    )


if __name__ == "__main__":
    main()
