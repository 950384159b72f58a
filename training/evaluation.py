"""Top-1 and top-5 on a held-out split, exact for any batch size and any strategy."""

import keras
import tensorflow as tf

from .data import evaluation_dataset, num_images
from .data.reading import parallel_map
from .features import check_classes


def padded_batches(
    source,
    preprocessing,
    batch_size,
    max_images=None,
    *,
    num_classes=None,
    host=0,
    num_hosts=1,
):
    """Returns batches of one size, padded by images of weight 0.

    Replicas cannot share a small last batch. The weights of the others are the same
    and average 1, so that losses and metrics are those of the real images.

    Args:
        source: `Source` with labels.
        preprocessing: `keras_mae.Preprocessing`: resize and centre crop.
        batch_size: Integer.
        max_images: Optional integer. So many images at most, evenly spread over all.
        num_classes: Integer, of the training split, which may have classes that this
            one lacks; `None` for the source's own.
        host, num_hosts: Integers. Which of how many hosts this is; they share the
            images, in as many batches each.

    Returns:
        `tf.data.Dataset` of images `(rows, height, width, channels)`, labels
        `(rows, num_classes)`, one-hot, and weights `(rows,)`, float32; `rows` is
        `batch_size // num_hosts`.

    Raises:
        InputError: The source has more classes, or hosts cannot share a batch.
    """
    num_classes = source.num_classes if num_classes is None else num_classes
    check_classes(source, num_classes)
    dataset = evaluation_dataset(
        source, preprocessing, batch_size, host, num_hosts, max_images
    )
    rows = batch_size // num_hosts
    count = num_images(source, max_images)
    num_batches = -(-count // batch_size)
    weight = num_batches * batch_size / count

    def pad(images, labels):
        missing = rows - tf.shape(images)[0]
        images = tf.pad(images, [[0, missing], [0, 0], [0, 0], [0, 0]])
        labels = tf.pad(labels, [[0, missing]], constant_values=-1)
        images = tf.ensure_shape(images, (rows, *images.shape[1:]))
        labels = tf.ensure_shape(labels, (rows,))
        weights = tf.where(labels >= 0, weight, 0.0)
        return images, tf.one_hot(labels, num_classes), weights

    return parallel_map(dataset, pad).prefetch(tf.data.AUTOTUNE)


def loss_and_metrics(num_classes):
    """Returns the arguments of `compile` that judge logits by one-hot labels."""
    return {
        "loss": keras.losses.CategoricalCrossentropy(from_logits=True),
        "weighted_metrics": [
            keras.metrics.CategoricalAccuracy(name="top1"),
            keras.metrics.TopKCategoricalAccuracy(min(5, num_classes), name="top5"),
        ],
    }
