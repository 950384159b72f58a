"""Features of a data set, from an encoder, a random one, or the pixels themselves."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_mae.program import InputError

from .data import evaluation_dataset, load_source, num_images


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

    @property
    def num_classes(self):
        return 1 + int(max(self.train_labels.max(), self.test_labels.max()))


class FrozenEncoder:
    """Encodes batches of whole images, nothing hidden, on all the encoder's replicas.

    Weights are read as they are at each call, and never changed.

    Args:
        encoder: A `ViTEncoder` or `MapEncoder`. Replicas are those of the strategy it
            was made under.
        pooling: `"gap"` or `"token"`.
        streams: Integer. Parts of a batch that are encoded side by side, see
            `training.compute.choose_streams`.

    Raises:
        InputError: The encoder has no such pooling.
    """

    def __init__(self, encoder, pooling, streams=1):
        encoder.check_pooling(pooling)
        self.strategy = strategy = encoder.distribute_strategy
        self.dim = encoder.embed_dim

        def features(images):
            parts = [
                encoder.features(part, pooling) for part in _shares(images, streams)
            ]
            return tf.cast(tf.concat(parts, axis=0), tf.float32)

        @tf.function(reduce_retracing=True)
        def features_of_replicas(images):
            return strategy.run(features, args=(images,))

        self._features = features_of_replicas

    def batch_size_of_one(self, batch_size):
        """Returns the images that a replica encodes at once, of `batch_size` of all."""
        return max(1, batch_size // self.strategy.num_replicas_in_sync)

    def __call__(self, batches):
        """Encodes a `tf.data.Dataset` of images and labels, a batch on each replica.

        Yields:
            Float32 arrays `(n, dim)` and labels `(n,)`, in the order of the data set;
            `n` is up to a batch times the replicas.
        """
        batches = self.strategy.distribute_datasets_from_function(lambda _: batches)
        for images, labels in batches:
            yield self._gathered(self._features(images)), self._gathered(labels)

    def _gathered(self, values):
        parts = self.strategy.experimental_local_results(values)
        return np.concatenate([np.array(part) for part in parts])


def load_splits(data, data_dir=None):
    """Returns the training and the test source of a labelled data set.

    Raises:
        InputError: The data cannot be read, a split has no labels, or the test split
            has classes that the training split lacks.
    """
    train = _labelled(data, "train", data_dir)
    test = _labelled(data, "test", data_dir)
    check_classes(test, train.num_classes)
    return [train, test]


def check_classes(test, num_classes):
    """Raises an `InputError` where a source has more classes than were trained on."""
    if test.num_classes > num_classes:
        raise InputError(
            f"{test.name} has {test.num_classes} classes; expected at most the "
            f"{num_classes} of the training split: move the images of the others, or "
            "give training images of them"
        )


def check_labels(labels, num_classes, name):
    """Checks the labels that the images of a split turned out to have.

    Args:
        labels: Integer array.
        num_classes: Integer, of the training split.
        name: String, the split's.

    Raises:
        InputError: A label is no class of the training split.
    """
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if len(wrong):
        raise InputError(
            f"{name} has {len(wrong)} images whose label is none of the {num_classes} "
            f"classes, 0 to {num_classes - 1}; the first one's is {wrong[0]}. Use a "
            "split with labels"
        )


def _labelled(data, split, data_dir):
    source = load_source(data, split, data_dir)
    if source.num_classes is None:
        raise InputError(
            f"{data} has no labels to judge features by in its split {split!r}; use a "
            "folder with one sub-folder per class, or a labelled TFDS data set"
        )
    return source


def random_encoder(encoder, seed=0):
    """Returns an encoder of the same architecture with random weights."""
    keras.utils.set_random_seed(seed)
    with encoder.distribute_strategy.scope():
        return type(encoder).from_config(encoder.get_config())


def encode(frozen, splits, preprocessing, batch_size=256, max_images=None):
    """Returns the `Features` of both splits, one vector an image, nothing hidden.

    Args:
        frozen: A `FrozenEncoder`.
        splits: Pair of sources.
        preprocessing: The encoder's `keras_mae.Preprocessing`.
        batch_size: Integer, over all replicas.
        max_images: Optional integer. So many of each split, evenly spread over it.
    """
    batch_size = frozen.batch_size_of_one(batch_size)
    return _of_both(splits, preprocessing, batch_size, max_images, frozen)


def pixels(splits, preprocessing, batch_size=256, max_images=None):
    """Returns the normalised pixels of both splits as `Features`."""

    def flattened(batches):
        for images, labels in batches:
            yield np.reshape(images, (len(images), -1)), np.array(labels)

    return _of_both(splits, preprocessing, batch_size, max_images, flattened)


def _shares(images, count):
    """Returns a batch in parts of nearly the same number of images."""
    share = tf.shape(images)[0] // count
    rest = tf.shape(images)[0] - (count - 1) * share
    return tf.split(images, [share] * (count - 1) + [rest])


def _of_both(splits, preprocessing, batch_size, max_images, function):
    arrays = []
    for source in splits:
        batches = evaluation_dataset(
            source, preprocessing, batch_size, max_images=max_images
        )
        parts = _with_progress(function(batches), source, max_images)
        arrays += _joined(parts, num_images(source, max_images))
    return Features(*arrays)


def _joined(parts, count):
    """Returns features and labels of all parts; each is needed once, not twice.

    Args:
        parts: Iterable of features `(n, dim)` and labels `(n,)`.
        count: Integer. Examples of all parts, at most: some may be unreadable.
    """
    features, labels, filled = None, None, 0
    for part, part_labels in parts:
        if features is None:
            features = np.empty((count, *part.shape[1:]), part.dtype)
            labels = np.empty(count, part_labels.dtype)
        rows = slice(filled, filled + len(part))
        features[rows], labels[rows] = part, part_labels
        filled = rows.stop
    return features[:filled], labels[:filled]


def _with_progress(parts, source, max_images):
    total = num_images(source, max_images)
    with tqdm(total=total, desc=source.name, leave=False, disable=None) as progress:
        for features, labels in parts:
            progress.update(len(labels))
            yield features, labels
