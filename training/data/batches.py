"""Batches of normalised images: augmented to train on, in order to evaluate on."""

import os

import tensorflow as tf

from keras_mae.program import InputError

from ..augmentation import check_crop, example_seed, random_crop_window, random_flip
from .decoding import crop_of, pixels_of
from .reading import read_epochs
from .resizing import resize
from .source import num_images

SPARE_THREADS = 2


def training_dataset(
    source,
    preprocessing,
    batch_size,
    *,
    epochs,
    first_epoch=0,
    first_step=0,
    steps=None,
    seed=0,
    crop_scale=(0.2, 1.0),
    crop_aspect=(3 / 4, 4 / 3),
    crop_window=random_crop_window,
    flip=True,
    with_labels=False,
    host=0,
    num_hosts=1,
):
    """Returns the batches of epochs `first_epoch` to `epochs - 1`, one after another.

    What an epoch holds depends on nothing but `seed` and its number, so a run that goes
    on at a step of epoch k sees the batches that it would have seen, and no image
    before them is read. Every epoch has `steps_per_epoch` batches; examples left over
    wait for another. Of every batch a host takes its rows, the first host the first
    ones: together they are the batch of a single host, and no host decodes another's
    images.

    Args:
        source: `Source`, as `load_source` returns it.
        preprocessing: `keras_mae.preprocessing.Preprocessing`. Size, channels,
            interpolation and normalisation of the images.
        batch_size: Integer. Images of a batch over all hosts and replicas.
        epochs, first_epoch: Integers.
        first_step: Integer, at which of its steps the first epoch begins.
        steps: Optional integer, batches of an epoch; by default one pass over the data.
        seed: Integer.
        crop_scale: Pair of floats. Share of the area that a random crop keeps.
        crop_aspect: Pair of floats. Its width over its height. With both
            `(1, 1)`, square images stay whole.
        crop_window: Function that draws the window, see `training.augmentation`.
        flip: Boolean. Mirror half of the images.
        with_labels: Boolean. Yield `(images, labels)`.
        host, num_hosts: Integers. Which of how many hosts this is.

    Returns:
        `tf.data.Dataset` of float32 `(batch_size, height, width, channels)`,
        and int32 `(batch_size,)` with labels; of `batch_size // num_hosts` rows
        where there are several hosts.

    Raises:
        InputError: The source has fewer images than a batch, or no labels
            though they are asked for; the crop is impossible, or hosts cannot
            share a batch.
    """
    steps = steps or steps_per_epoch(source, batch_size)
    rows = _rows_of_host(batch_size, host, num_hosts)
    check_crop(crop_scale, crop_aspect)
    _check_labels(source, with_labels)

    def choose_window(height, width, image_seed):
        return crop_window(height, width, image_seed, crop_scale, crop_aspect)

    def references(epoch):
        order = source.order(seed, epoch).repeat().take(steps * batch_size)
        begin = tf.where(tf.equal(epoch, first_epoch), first_step * batch_size, 0)
        order = order.skip(tf.cast(begin, tf.int64))
        order = order.map(lambda *reference: (epoch, reference))
        if num_hosts == 1:
            return order
        order = order.enumerate()
        order = order.filter(lambda place, _: place // rows % num_hosts == host)
        return order.map(lambda _, reference: reference)

    def load(epoch, reference):
        example = source.read(*reference)
        image_seed = example_seed(seed, epoch, example["index"])
        pixels = crop_of(
            example["image"],
            lambda height, width: choose_window(height, width, image_seed),
            preprocessing,
        )
        pixels = resize(pixels, preprocessing.image_size, preprocessing.interpolation)
        pixels = random_flip(pixels, image_seed) if flip else pixels
        images = preprocessing.normalise(pixels)
        return (images, _label(example)) if with_labels else images

    epochs_left = tf.data.Dataset.range(first_epoch, epochs)
    dataset = read_epochs(epochs_left, references, load, source)
    dataset = dataset.batch(rows, drop_remainder=True)
    num_batches = max(steps * (epochs - first_epoch) - first_step, 0)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(num_batches))
    return finish(dataset, num_hosts)


def evaluation_dataset(
    source, preprocessing, batch_size, host=0, num_hosts=1, max_images=None
):
    """Returns `(images, labels)` of all examples by ascending index.

    Images are resized and cropped at the centre by `preprocessing`; the last
    batch may be smaller. Host i of n takes every n-th example from the i-th on. All
    hosts have as many batches; a host's last one may be empty.

    Args:
        source: `Source`, as `load_source` returns it.
        preprocessing: `keras_mae.preprocessing.Preprocessing`.
        batch_size: Integer, over all hosts.
        host, num_hosts: Integers. Which of how many hosts this is.
        max_images: Optional integer. So many examples at most, evenly spread over all:
            files are often sorted by class.

    Returns:
        `tf.data.Dataset` of float32 `(batch, height, width, channels)` and
        int32 `(batch,)`, -1 where there is no label.

    Raises:
        InputError: Hosts cannot share a batch.
    """
    rows = _rows_of_host(batch_size, host, num_hosts)
    count = num_images(source, max_images)

    def references(epoch):
        order = source.order().map(lambda *reference: (epoch, reference))
        return _spread(order, count, source.num_examples).shard(num_hosts, host)

    def load(epoch, reference):
        example = source.read(*reference)
        images = preprocessing(pixels_of(example["image"], preprocessing))
        return images, _label(example)

    dataset = read_epochs(tf.data.Dataset.range(1), references, load, source)
    dataset = dataset.batch(rows)
    most, own = (-(-len(range(first, count, num_hosts)) // rows) for first in (0, host))
    if own < most:
        dataset = dataset.concatenate(_empty_batch(dataset.element_spec))
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(most))
    return finish(dataset, num_hosts)


def steps_per_epoch(source, batch_size):
    """Returns the number of full batches in an epoch.

    Raises:
        InputError: There is none.
    """
    if source.num_examples < batch_size:
        raise InputError(
            f"a batch of {batch_size} is larger than the data: {source.name} has "
            f"{source.num_examples} images; set batch_size to that or less"
        )
    return source.num_examples // batch_size


def _check_labels(source, with_labels):
    if with_labels and source.class_names is None:
        raise InputError(
            f"{source.name} has no labels, and they are needed here; expected data "
            "with classes, such as a folder with one sub-folder per class"
        )


def _label(example):
    return tf.cast(example["label"], tf.int32)


def _rows_of_host(batch_size, host, num_hosts):
    if not 0 <= host < num_hosts:
        raise InputError(
            f"host must be one of 0 to {num_hosts - 1}, of {num_hosts}; received {host}"
        )
    if batch_size % num_hosts:
        raise InputError(
            f"batch_size must be a multiple of the {num_hosts} hosts, which share it; "
            f"received {batch_size}"
        )
    return batch_size // num_hosts


def _spread(order, count, num_examples):
    """Returns `count` of the elements, at equal distances."""
    order = order.enumerate()
    order = order.filter(lambda place, _: place * count % num_examples < count)
    return order.map(lambda _, reference: reference)


def _empty_batch(specs):
    empty = [tf.zeros([0, *spec.shape[1:]], spec.dtype) for spec in specs]
    return tf.data.Dataset.from_tensors(tuple(empty))


def finish(dataset, num_hosts=1):
    """Returns batches that are made ahead, on all cores."""
    options = tf.data.Options()
    # Several workers share each batch; dealing out files would change the order.
    policy = tf.data.experimental.AutoShardPolicy
    options.experimental_distribute.auto_shard_policy = (
        policy.DATA if num_hosts == 1 else policy.OFF
    )
    # Threads wait for one another: a few more than cores keep all cores busy.
    options.threading.private_threadpool_size = os.cpu_count() + SPARE_THREADS
    options.threading.max_intra_op_parallelism = 1  # images are the parallel work
    # All cores from the start: TensorFlow's tuning gains nothing on two, and on busy
    # cores its thread can hold up the end nearly as long as the data were read (2.21).
    options.autotune.enabled = False
    return dataset.with_options(options).prefetch(tf.data.AUTOTUNE)
