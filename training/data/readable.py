"""Reads every example once and leaves out those that no decoder can read."""

import sys

import keras
import numpy as np
import tensorflow as tf

from keras_mae.program import InputError

from .decoding import can_decode

LONG_SCAN = 2_000  # examples that take long enough for a progress bar
NAMES_SHOWN = 3


def keep_readable(examples, names, load=tf.identity, keep_images=True):
    """Decodes all examples and returns those that could be decoded, by index.

    One line on stderr tells how many could not.

    Args:
        examples: `tf.data.Dataset` of dicts with `index`, counting from 0,
            `image` and `label`.
        names: List of strings. Each example's name, for messages.
        load: Function from `image` to encoded bytes; it may fail.
        keep_images: Boolean. Return the encoded images as well.

    Returns:
        `indices` and `labels`, int64 arrays `(n,)`; `images`, a list of `n`
        bytes, empty if not kept; `skipped`, names of the unreadable examples.

    Raises:
        InputError: No example is readable.
    """
    indices, labels, images = [], [], []
    show = _progress_bar(len(names))
    checked = examples.map(
        lambda example: _check(example, load, keep_images),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    for batch in checked.ignore_errors().batch(256).as_numpy_iterator():
        indices.extend(batch["index"])
        labels.extend(batch["label"])
        images.extend(batch.get("image", ()))
        show(indices[-1] + 1)
    show(len(names))
    skipped = _skipped(indices, names)
    return np.array(indices), np.array(labels), images, skipped


def _check(example, load, keep_images):
    encoded = load(example["image"])
    checked = {
        "index": example["index"],
        "label": example["label"],
        "is_image": can_decode(encoded),  # an output, or tf.data would not run it
    }
    return {**checked, "image": encoded} if keep_images else checked


def _skipped(indices, names):
    skipped = [names[i] for i in np.setdiff1d(np.arange(len(names)), indices)]
    listing = ", ".join(skipped[:NAMES_SHOWN])
    listing += ", ..." if len(skipped) > NAMES_SHOWN else ""
    if not indices:
        raise InputError(
            f"none of the {len(names)} images can be read ({listing}); "
            "expected intact JPEG, PNG or BMP files"
        )
    if skipped:
        message = f"skipped {len(skipped)} of {len(names)} images, not readable"
        print(f"{message}: {listing}", file=sys.stderr)
    return skipped


def _progress_bar(total):
    if total <= LONG_SCAN:
        return lambda done: None
    print(f"reading {total} images")
    return keras.utils.Progbar(total, unit_name="image").update
