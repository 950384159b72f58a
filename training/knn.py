"""Judges features by their nearest neighbours: `python -m training.knn --help`."""

import dataclasses

import numpy as np

from .judge import judge


@dataclasses.dataclass(frozen=True)
class KnnConfig:
    """Settings of the k-nearest-neighbour classifier."""

    # Neighbours that vote.
    k: int = 20
    # Votes weigh exp(cosine / temperature).
    temperature: float = 0.07
    # Images of each split, the first ones; None for all.
    max_images: int | None = None
    # gap (mean of the patches) or token (class token).
    pooling: str = "gap"
    # Images encoded, and test images compared, at once.
    batch_size: int = 256
    # Seed of the random encoder's weights.
    seed: int = 0

    TINY = ()


def knn_accuracy(features, config):
    """Returns the top-1 accuracy of a vote of cosine neighbours, weighted by closeness.

    Memory stays bounded: test images are compared `batch_size` at a time.

    Args:
        features: `Features`.
        config: `KnnConfig`.

    Reference: [Wu et al., 2018](https://arxiv.org/abs/1805.01978), section 3.4.
    """
    train, test = _unit(features.train), _unit(features.test)
    k = min(config.k, len(train))
    classes = 1 + max(features.train_labels.max(), features.test_labels.max())
    correct = 0
    for start in range(0, len(test), config.batch_size):
        stop = start + config.batch_size
        cosine = test[start:stop] @ train.T  # (b, n)
        nearest = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
        weight = np.exp(np.take_along_axis(cosine, nearest, 1) / config.temperature)
        votes = np.zeros((len(cosine), classes))
        rows = np.arange(len(cosine))[:, None]
        np.add.at(votes, (rows, features.train_labels[nearest]), weight)
        correct += (votes.argmax(1) == features.test_labels[start:stop]).sum()
    return {"accuracy": float(correct / len(test))}


def _unit(features):
    norm = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(norm, 1e-12)


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
