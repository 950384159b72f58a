"""Batches of normalised images: augmented to train on, in order to evaluate on."""

import tensorflow as tf

from keras_mae.program import InputError

from ..augmentation import check_crop, example_seed, random_crop_window, random_flip
from .decoding import crop_of, pixels_of


def training_dataset(
    source,
    preprocessing,
    batch_size,
    *,
    epochs,
    first_epoch=0,
    steps=None,
    seed=0,
    crop_scale=(0.2, 1.0),
    crop_aspect=(3 / 4, 4 / 3),
    flip=True,
    with_labels=False,
):
    """Returns the batches of epochs `first_epoch` to `epochs - 1`, one after another.

    What an epoch holds depends on nothing but `seed` and its number, so a run
    that goes on at epoch k sees the batches that it would have seen. Every
    epoch has `steps_per_epoch` batches; examples left over wait for another.

    Args:
        source: `Source`, as `load_source` returns it.
        preprocessing: `keras_mae.preprocessing.Preprocessing`. Size, channels,
            interpolation and normalisation of the images.
        batch_size: Integer. Images in a (global) batch.
        epochs, first_epoch: Integers.
        steps: Optional integer, batches of an epoch; by default one pass over the data.
        seed: Integer.
        crop_scale: Pair of floats. Share of the area that a random crop keeps.
        crop_aspect: Pair of floats. Its width over its height. With both
            `(1, 1)`, square images stay whole.
        flip: Boolean. Mirror half of the images.
        with_labels: Boolean. Yield `(images, labels)`.

    Returns:
        `tf.data.Dataset` of float32 `(batch_size, height, width, channels)`,
        and int32 `(batch_size,)` with labels.

    Raises:
        InputError: The source has fewer images than a batch, or no labels
            though they are asked for; or the crop is impossible.
    """
    steps = steps or steps_per_epoch(source, batch_size)
    check_crop(crop_scale, crop_aspect)
    _check_labels(source, with_labels)

    def choose_window(height, width, image_seed):
        return random_crop_window(height, width, image_seed, crop_scale, crop_aspect)

    def references(epoch):
        order = source.order(seed, epoch).repeat().take(steps * batch_size)
        return order.map(lambda *reference: (epoch, reference))

    def load(epoch, reference):
        example = source.read(*reference)
        image_seed = example_seed(seed, epoch, example["index"])
        pixels = crop_of(
            example["image"],
            lambda height, width: choose_window(height, width, image_seed),
            preprocessing,
        )
        pixels = preprocessing.resize(pixels, preprocessing.image_size)
        pixels = random_flip(pixels, image_seed) if flip else pixels
        images = preprocessing.normalise(pixels)
        return (images, _label(example)) if with_labels else images

    dataset = tf.data.Dataset.range(first_epoch, epochs).flat_map(references)
    dataset = _parallel(dataset, load).batch(batch_size, drop_remainder=True)
    num_batches = steps * max(epochs - first_epoch, 0)
    return _finish(dataset.apply(tf.data.experimental.assert_cardinality(num_batches)))


def evaluation_dataset(source, preprocessing, batch_size):
    """Returns `(images, labels)` of all examples by ascending index.

    Images are resized and cropped at the centre by `preprocessing`; the last
    batch may be smaller.

    Args:
        source: `Source`, as `load_source` returns it.
        preprocessing: `keras_mae.preprocessing.Preprocessing`.
        batch_size: Integer.

    Returns:
        `tf.data.Dataset` of float32 `(batch, height, width, channels)` and
        int32 `(batch,)`, -1 where there is no label.
    """

    def load(*reference):
        example = source.read(*reference)
        images = preprocessing(pixels_of(example["image"], preprocessing))
        return images, _label(example)

    return _finish(_parallel(source.order(), load).batch(batch_size))


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


def _parallel(dataset, function):
    return dataset.map(
        function, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )


def _finish(dataset):
    options = tf.data.Options()
    # Several workers share each batch; dealing out files would change the order.
    policy = tf.data.experimental.AutoShardPolicy.DATA
    options.experimental_distribute.auto_shard_policy = policy
    return dataset.with_options(options).prefetch(tf.data.AUTOTUNE)
