"""Batches to fine-tune on: augmented picture by picture, then mixed."""

import numpy as np
import tensorflow as tf

from keras_mae import Preprocessing
from keras_mae.program import InputError

from .augmentation import example_seed
from .data import training_dataset
from .data.reading import parallel_map
from .erasing import random_erase
from .mixing import Mixing, mix
from .rand_augment import RandAugment

# What a seed is for, besides crop and flip.
RAND_AUGMENT, ERASING, MIXING = 2, 3, 4


def finetuning_dataset(
    source,
    preprocessing,
    config,
    steps,
    first_epoch=0,
    first_step=0,
    *,
    host=0,
    num_hosts=1,
):
    """Returns the batches of all epochs from a step of `first_epoch` on.

    Crop, flip, RandAugment, normalisation, erasing, then mixup or cutmix. Crop and flip
    depend on the seed, the epoch and the picture, all else that is random on the seed,
    the epoch and the place in the epoch's order, itself a function of seed and epoch: a
    run that goes on sees what it would have seen.

    Args:
        source: `Source` with labels.
        preprocessing: `keras_mae.Preprocessing`.
        config: A `FinetuneConfig`.
        steps: Integer, batches of an epoch.
        first_epoch, first_step: Integers.
        host, num_hosts: Integers. Which of how many hosts this is: a host takes its
            rows of every batch, the first host the first ones.

    Returns:
        `tf.data.Dataset` of float32 images `(batch_size, height, width, channels)` and
        float32 labels `(batch_size, num_classes)`; of `batch_size // num_hosts` rows
        where there are several hosts.

    Raises:
        InputError: Settings or data that cannot be used.
    """
    batch_size, epoch_size = config.batch_size, steps * config.batch_size
    rows, first_row = batch_size // num_hosts, batch_size // num_hosts * host
    mixing = Mixing(
        config.mixup,
        config.cutmix,
        config.mix_probability,
        config.cutmix_probability,
        config.label_smoothing,
    )
    augment = _augmentation(preprocessing, config)
    _check_pairs(config, num_hosts)

    def augment_example(row, example):
        place = row // rows * batch_size + first_row + row % rows
        pixels, label = example
        return augment(pixels, _seed(config, place, epoch_size)), label

    def mix_batch(step, batch):
        seed = _folded(_seed(config, step, steps), MIXING)
        return mix(*batch, seed, source.num_classes, mixing)

    first = first_epoch * steps + first_step
    where = {"first_epoch": first_epoch, "first_step": first_step}
    where |= {"host": host, "num_hosts": num_hosts}
    dataset = _pixels(source, preprocessing, config, steps, where)
    dataset = dataset.unbatch().enumerate(first * rows)
    dataset = parallel_map(dataset, augment_example)
    dataset = dataset.batch(rows, drop_remainder=True)
    dataset = parallel_map(dataset.enumerate(first), mix_batch)
    num_batches = max(steps * config.epochs - first, 0)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(num_batches))
    return dataset.prefetch(tf.data.AUTOTUNE)


def _pixels(source, preprocessing, config, steps, where):
    """Returns batches of pixels in [0, 255], cropped and flipped, and labels."""
    as_they_are = {"mean": 0.0, "std": 1 / 255}
    return training_dataset(
        source,
        Preprocessing(**{**preprocessing.get_config(), **as_they_are}),
        config.batch_size,
        epochs=config.epochs,
        steps=steps,
        seed=config.seed,
        crop_scale=config.crop_scale,
        flip=config.flip,
        with_labels=True,
        **where,
    )


def _check_pairs(config, num_hosts):
    """Checks that a host holds both pictures of a pair that is mixed."""
    if not config.mixup and not config.cutmix:
        return
    if num_hosts > 1 and config.batch_size % (2 * num_hosts):
        raise InputError(
            f"batch_size must be a multiple of {2 * num_hosts}: {num_hosts} hosts "
            f"share it, and pictures are mixed in pairs; received {config.batch_size}"
        )


def _augmentation(preprocessing, config):
    """Returns a function of pixels and a seed that returns a normalised image."""
    rand_augment = None
    if not 0 <= config.erasing <= 1:
        raise InputError(
            f"erasing must be a probability, 0 to 1; received {config.erasing}"
        )
    if config.magnitude:
        fill = np.float32(np.round(np.multiply(preprocessing.mean, 255)))
        rand_augment = RandAugment(
            fill, config.magnitude, config.magnitude_std, config.num_ops
        )

    def augment(pixels, seed):
        if rand_augment:
            pixels = rand_augment(pixels, _folded(seed, RAND_AUGMENT))
        image = preprocessing.normalise(pixels)
        if config.erasing:
            image = random_erase(image, _folded(seed, ERASING), config.erasing)
        return image

    return augment


def _seed(config, place, places):
    """Returns the seed of a place, counted over all epochs of `places` each."""
    return example_seed(config.seed, place // places, place % places)


def _folded(seed, purpose):
    return tf.random.experimental.stateless_fold_in(seed, purpose)
