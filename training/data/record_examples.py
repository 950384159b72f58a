"""Examples of any source as records in the schema of ImageNet's TFRecord files."""

import tensorflow as tf

from keras_mae.program import InputError

from .decoding import can_decode
from .reading import parallel_map

SEED = 0  # of the order in which examples are written


def encoded_examples(source, skip=0):
    """Returns all examples in a random order that is always the same, encoded.

    JPEG and PNG bytes stay as they are; pixels and other formats become PNG.

    Args:
        source: `Source`.
        skip: Integer. How many to leave out at the beginning.

    Returns:
        `tf.data.Dataset` of dicts: `index`; `readable`, boolean; and if so `image`,
        JPEG or PNG bytes, and `label`.
    """

    def encode(*reference):
        example = source.read(*reference)
        return {**example, "image": _encode(example["image"]), "readable": True}

    def encode_if_readable(index, *rest):
        blank = {"index": index, "image": "", "label": -1, "readable": False}
        blank = {**blank, "label": tf.constant(-1, tf.int64)}
        found = tf.data.Dataset.from_tensors((index, *rest)).map(encode)
        found = found.ignore_errors(log_warning=True)
        found = found.concatenate(tf.data.Dataset.from_tensors(blank))
        return found.take(1).get_single_element()

    references = source.order(SEED, 0).skip(skip)
    dataset = parallel_map(references, encode_if_readable)
    return dataset.prefetch(tf.data.AUTOTUNE)


def serialise(example, name, class_names):
    """Returns the record of a readable example.

    Args:
        example: Dict of NumPy scalars, as `encoded_examples` has them.
        name: String, kept as `image/filename`.
        class_names: List of strings, or `None` without labels.
    """
    encoded, label = example["image"], int(example["label"])
    is_png = encoded.startswith(b"\x89PNG")
    features = {
        "image/encoded": _bytes(encoded),
        "image/format": _bytes(b"PNG" if is_png else b"JPEG"),
        "image/filename": _name(name),
    }
    if label >= 0 and class_names is not None:
        integers = tf.train.Int64List(value=[label])
        features["image/class/label"] = tf.train.Feature(int64_list=integers)
        features["image/class/text"] = _name(class_names[label])
    features = tf.train.Features(feature=features)
    return tf.train.Example(features=features).SerializeToString(deterministic=True)


def _encode(image):
    if image.dtype != tf.string:
        return _as_png(image)
    is_kept = tf.io.is_jpeg(image) | (tf.strings.substr(image, 1, 3) == "PNG")
    with tf.control_dependencies([can_decode(image)]):
        return tf.cond(
            is_kept,
            lambda: tf.identity(image),
            lambda: _as_png(tf.io.decode_image(image, expand_animations=False)),
        )


def _as_png(pixels):
    if pixels.shape.rank == 3 and pixels.shape[-1] not in (1, 3, 4, None):
        raise InputError(
            f"TFRecord files hold images of 1, 3 or 4 channels; received "
            f"{pixels.shape[-1]}"
        )
    if pixels.dtype != tf.uint8:
        pixels = tf.saturate_cast(tf.round(pixels), tf.uint8)
    return tf.io.encode_png(pixels)


def _bytes(value):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _name(text):
    # Of files and folders, which need not be UTF-8.
    return _bytes(text.encode(errors="surrogateescape"))
