"""Features of a data set, from an encoder, a random one, or the pixels themselves."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_mae.program import InputError

from .data import evaluation_dataset, load_source


@dataclasses.dataclass(frozen=True)
class Features:
    """Features and labels of both splits.

    Attributes:
        train, test: Float32 arrays `(n, dim)`.
        train_labels, test_labels: Integer arrays `(n,)`.
    """

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


def load_splits(data, data_dir=None):
    """Returns the training and the test source of a labelled data set.

    Raises:
        InputError: The data cannot be read, or has no labels.
    """
    splits = [load_source(data, split, data_dir) for split in ("train", "test")]
    if splits[0].num_classes is None:
        raise InputError(
            f"{data} has no labels to judge features by; use a folder with one "
            "sub-folder per class, or a labelled TFDS data set"
        )
    return splits


def random_encoder(encoder, seed=0):
    """Returns an encoder of the same architecture with random weights."""
    keras.utils.set_random_seed(seed)
    return type(encoder).from_config(encoder.get_config())


def encode(encoder, splits, pooling, batch_size=256, max_images=None):
    """Returns the `Features` of both splits, one vector an image, nothing hidden.

    Args:
        encoder: A `ViTEncoder`.
        splits: Pair of sources.
        pooling: `"gap"` or `"token"`.
        batch_size: Integer.
        max_images: Optional integer. The first images of each split alone.
    """

    @tf.function(reduce_retracing=True)
    def features(images):
        return encoder.features(images, pooling)

    return _of_both(splits, encoder.preprocessing, batch_size, max_images, features)


def pixels(splits, preprocessing, batch_size=256, max_images=None):
    """Returns the normalised pixels of both splits as `Features`."""
    flatten = keras.layers.Flatten()
    return _of_both(splits, preprocessing, batch_size, max_images, flatten)


def _of_both(splits, preprocessing, batch_size, max_images, function):
    arrays = []
    for source in splits:
        dataset = evaluation_dataset(source, preprocessing, batch_size)
        if max_images is not None:
            dataset = dataset.unbatch().take(max_images).batch(batch_size)
        batches = tqdm(dataset, source.name, leave=False, disable=None)
        parts = [(np.array(function(images)), np.array(y)) for images, y in batches]
        features, labels = zip(*parts, strict=True)
        arrays += [np.concatenate(features), np.concatenate(labels)]
    return Features(*arrays)
