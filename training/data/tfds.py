"""Data sets that TensorFlow Datasets prepares on disk, downloaded only when asked."""

import os

import tensorflow as tf

from keras_mae.program import InputError, checking_input, unknown

from .records import RecordFiles, source_of_records


def open_tfds(name, split, data_dir=None, memory_limit=2 << 30, download=False):
    """Returns a split of a prepared data set with its images still encoded.

    A split that fits into the memory limit is kept there and every example is
    checked; a larger one streams from its files and is trusted.

    Args:
        name: String. `"cifar10"`, `"cifar10:3.0.2"` or `"set/config"`.
        split: `"train"`, `"test"` or `"validation"`. "test" falls back to
            "validation" where it is missing or has no labels.
        data_dir: String or path. Default: TFDS's own, `~/tensorflow_datasets`.
        memory_limit: Integer. Bytes.
        download: Boolean. Whether TFDS may fetch and prepare what is not there.

    Raises:
        InputError: The data set, the split or the images are not there.
    """
    if download:
        _download(name, data_dir)
    info = _find_builder(name, data_dir).info
    features, keys = _image_and_label(info.features, name)
    split = _choose_split(info, split, name, lambda s: _has_labels(s, features, keys))
    source_name = f"tfds:{name} ({split})"
    class_names = features[keys[1]].names if keys[1] else None
    parse = _parser(features, keys)
    files = _record_files(info.splits[split])
    return source_of_records(source_name, files, parse, class_names, memory_limit)


def _download(name, data_dir):
    tfds = _tensorflow_datasets()
    data_dir = data_dir and os.path.expanduser(data_dir)
    with checking_input():
        tfds.builder(name, data_dir=data_dir).download_and_prepare()


def _find_builder(name, data_dir):
    """Opens the files alone: a builder's code might go and look in the network."""
    tfds = _tensorflow_datasets()
    data_dir = os.path.expanduser(data_dir or tfds.core.constants.DATA_DIR)
    if not tf.io.gfile.isdir(data_dir):
        raise InputError(
            f"no such folder: {data_dir}; expected the data_dir of TFDS, prepared by "
            f"tfds.load({name!r}, data_dir=...)"
        )
    try:
        find = tfds.core.read_only_builder.builder_from_files
        builder = find(name, data_dir=data_dir)
    except (tfds.core.DatasetNotFoundError, ValueError) as error:
        found = [entry.strip("/") for entry in tf.io.gfile.listdir(data_dir)]
        raise InputError(
            f"{unknown('data set', name, found)} (what is prepared in {data_dir}; "
            "nothing is downloaded here without ,download=true after the name)"
        ) from error
    if builder.info.file_format != tfds.core.FileFormat.TFRECORD:
        raise InputError(
            f"tfds:{name} is stored as {builder.info.file_format.value}; expected "
            "tfrecord: prepare it with file_format='tfrecord'"
        )
    return builder


def _image_and_label(features, name):
    """Returns the two features alone, and their keys (image, label or `None`)."""
    tfds = _tensorflow_datasets()
    image = _only(features, tfds.features.Image, "image")
    label = _only(features, tfds.features.ClassLabel, "label")
    if image is None or features[image].tf_dtype not in (tf.uint8, tf.uint16):
        raise InputError(
            f"tfds:{name} must have one image of 8 or 16 bits an example; "
            f"its features are {', '.join(features)}"
        )
    wanted = {key: True for key in (image, label) if key}
    kept = tfds.decode.PartialDecoding(wanted).extract_features(features)
    return kept, (image, label)


def _only(features, kind, preferred):
    keys = [key for key, feature in features.items() if isinstance(feature, kind)]
    if preferred in keys:
        return preferred
    return keys[0] if len(keys) == 1 else None


def _choose_split(info, split, name, has_labels):
    wanted = ("test", "validation") if split == "test" else (split,)
    filled = [key for key, value in info.splits.items() if value.num_examples]
    found = [candidate for candidate in wanted if candidate in filled]
    if not found:
        raise InputError(
            f"tfds:{name} has no split {split!r}; it has {', '.join(filled)}"
        )
    if len(found) > 1 and not has_labels(info.splits[found[0]]):
        return found[1]
    return found[0]


def _has_labels(split_info, features, keys):
    if keys[1] is None:
        return True  # nor has another split
    parse = _parser(features, keys)
    records = _record_files(split_info).read()
    first = next(records.take(1).map(parse).as_numpy_iterator())
    return first["label"] >= 0


def _record_files(split_info):
    paths = [str(path) for path in split_info.filepaths]
    return RecordFiles(paths, split_info.shard_lengths, split_info.num_bytes)


def _parser(features, keys):
    """Returns a function from (index, record) to an example."""
    image, label = keys
    decoders = {image: _tensorflow_datasets().decode.SkipDecoding()}

    def parse(index, record):
        example = features.deserialize_example(record, decoders=decoders)
        number = (
            tf.cast(example[label], tf.int64) if label else tf.constant(-1, "int64")
        )
        return {"index": index, "image": example[image], "label": number}

    return parse


def _tensorflow_datasets():
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise InputError(
            "tfds: data needs tensorflow-datasets: pip install 'keras-mae[train]'"
        ) from error
    return tensorflow_datasets
