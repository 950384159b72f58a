"""TFRecord files in the schema that ImageNet is commonly stored in."""

import concurrent.futures
import os
import re
import sys

import tensorflow as tf
from google.protobuf.message import DecodeError
from tqdm import tqdm

from keras_mae.program import InputError

from .folder_splits import SPLIT_FOLDERS
from .record_index import SUFFIX, file_size, read_index
from .records import RecordFiles, source_of_records

IMAGE, LABEL = "image/encoded", "image/class/label"
# `train-00001-of-01024`, `cifar10-test.tfrecord-00000-of-00001`, `data_val.tfrecord`
SPLIT_IN_NAME = re.compile(rf"(?:^|[-_.])({'|'.join(SPLIT_FOLDERS)})(?:[-_.]|$)")
FILES_IN_ALL = re.compile(r"-\d+-of-(\d+)")
FILES_AT_ONCE = 8  # that are counted


def open_tfrecord(pattern, split, memory_limit=2 << 30, labels_from=0):
    """Returns the images of TFRecord files, still encoded.

    A record is a `tf.train.Example` with `image/encoded`, the bytes of a JPEG or PNG,
    and `image/class/label`, an integer, which may be missing. The numbers of records
    come from the index that `make_tfrecords` writes; without one the files are read
    once to count.

    Where files are named after splits (`train-00000-of-00008`, `validation-...`),
    these are the splits, and "test" means validation where there is no test split or
    it has no labels. Otherwise all are "train".

    Args:
        pattern: String. A glob such as `imagenet/*-of-*`, or a folder.
        split: `"train"`, `"test"` or `"validation"`.
        memory_limit: Integer. Files that take no more bytes are kept in memory.
        labels_from: Integer. The label of the first class; 1 in many copies of
            ImageNet.

    Raises:
        InputError: No such files, no such split, or records of another schema.
    """
    splits = _splits(_matching(pattern))
    wanted = ("test", "validation") if split == "test" else (split,)
    found = [name for name in wanted if name in splits]
    if not found:
        raise InputError(
            f"tfrecord:{pattern} has no files of the split {split!r}, only of "
            f"{' and '.join(splits)}; their names tell, as in {split}-00000-of-00001"
        )
    for name in found:
        source = _open(pattern, name, splits[name], labels_from, memory_limit)
        if source.class_names is not None:
            return source
    return source


def _open(pattern, split, paths, labels_from, memory_limit):
    name = f"tfrecord:{pattern} ({split})"
    parse = record_parser(labels_from)
    _check_first(paths, parse)
    _tell_missing(name, paths)
    index = read_index(paths)
    if index and labels_from:
        raise InputError(
            f"{name} was written by make_tfrecords, whose labels begin with 0; "
            f"received labels_from={labels_from}, leave it out"
        )
    lengths, class_names = index or _count(paths, parse, labels_from)
    files = RecordFiles(paths, lengths, sum(map(file_size, paths)))
    return source_of_records(name, files, parse, class_names, memory_limit)


def _matching(pattern):
    path = os.path.expanduser(pattern)
    path = os.path.join(path, "*") if tf.io.gfile.isdir(path) else path
    paths = sorted(filter(_is_data, tf.io.gfile.glob(path)))
    if not paths:
        raise InputError(
            f"no files match {pattern}; expected TFRecord files, such as "
            "tfrecord:imagenet/*-of-*"
        )
    return paths


def _is_data(path):
    name = os.path.basename(path)
    hidden = name.startswith(".") or name.endswith(SUFFIX)
    return not hidden and not tf.io.gfile.isdir(path)


def _splits(paths):
    """Returns a dictionary from the splits to their files."""
    splits = {}
    for path in paths:
        if match := SPLIT_IN_NAME.search(os.path.basename(path)):
            splits.setdefault(SPLIT_FOLDERS[match[1]], []).append(path)
    return splits or {"train": paths}


def record_parser(labels_from):
    """Returns a function from (index, record) to an example."""
    schema = {
        IMAGE: tf.io.FixedLenFeature([], tf.string),
        LABEL: tf.io.FixedLenFeature([], tf.int64, labels_from - 1),
    }

    def parse(index, record):
        features = tf.io.parse_single_example(record, schema)
        label = features[LABEL] - labels_from
        return {"index": index, "image": features[IMAGE], "label": label}

    return parse


def _check_first(paths, parse):
    """Raises an `InputError` that says what the first record holds instead."""
    try:
        first = list(tf.data.TFRecordDataset(paths).take(1).as_numpy_iterator())
    except tf.errors.DataLossError as error:
        raise _not_records(paths[0], error) from error
    if not first:
        raise InputError(f"{paths[0]} and all files like it are empty")
    try:
        parse(0, first[0])
    # TensorFlow's message quotes the record, which need not be UTF-8.
    except (tf.errors.InvalidArgumentError, UnicodeDecodeError) as error:
        raise InputError(
            f"{paths[0]} must hold examples with {IMAGE}, bytes, and {LABEL}, an "
            f"integer; its first one has {', '.join(_names(first[0])) or 'no features'}"
        ) from error


def _names(record):
    """Returns the names of an example's features, of other bytes none."""
    try:
        return sorted(tf.train.Example.FromString(record).features.feature)
    except (DecodeError, UnicodeDecodeError):
        return []


def _tell_missing(name, paths):
    counts = [FILES_IN_ALL.search(os.path.basename(path)) for path in paths]
    in_all = max((int(count[1]) for count in counts if count), default=len(paths))
    if len(paths) < in_all:
        _say(f"{name} has {len(paths)} files of {in_all}")


def _not_records(path, error):
    return InputError(
        f"{path} is not an intact, uncompressed TFRecord file ({error.message})"
    )


def _count(paths, parse, labels_from):
    """Reads all files; returns their numbers of records, and the classes' names."""
    with concurrent.futures.ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        counts = pool.map(lambda path: _count_file(path, parse), paths)
        progress = tqdm(counts, "counting", len(paths), unit="file", disable=None)
        lengths, lowest, highest = zip(*progress, strict=True)
    return list(lengths), _class_names(min(lowest), max(highest), labels_from)


def _count_file(path, parse):
    labels = tf.data.TFRecordDataset(path).map(lambda record: parse(0, record)["label"])
    top = tf.int64.max
    try:
        counts = labels.batch(1024).reduce(
            (tf.constant(0, tf.int64), top, -top),
            lambda state, batch: (
                state[0] + tf.size(batch, tf.int64),
                tf.minimum(state[1], tf.reduce_min(batch)),
                tf.maximum(state[2], tf.reduce_max(batch)),
            ),
        )
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        raise _not_records(path, error) from error
    return tuple(int(count) for count in counts)


def _class_names(lowest, highest, labels_from):
    """Returns the classes' numbers as their names, `None` if some have no label."""
    if lowest == 1:
        _say(
            f"labels begin with {1 + labels_from}: if that is the first class, add "
            f",labels_from={1 + labels_from} to the data"
        )
    if lowest < 0 <= highest:
        _say(
            f"not all images have a label of {labels_from} or more: taken as unlabelled"
        )
    return [str(label) for label in range(highest + 1)] if lowest >= 0 else None


def _say(message):
    print(message, file=sys.stderr)
