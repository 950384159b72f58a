"""TFRecord files: kept in memory, or streamed in an order that seed and epoch set."""

import dataclasses
from pathlib import Path

import numpy as np
import tensorflow as tf

from .readable import keep_readable
from .source import IndexedSource, Source, shuffle_seed

FILES_AT_ONCE = 16
MAX_BUFFER = 10_000  # examples


@dataclasses.dataclass(frozen=True)
class RecordFiles:
    """The TFRecord files of one split, and how much each holds.

    Attributes:
        paths: List of strings.
        lengths: List of integers, the files' numbers of records.
        num_bytes: Integer, of all files together.
    """

    paths: list
    lengths: list
    num_bytes: int

    @property
    def num_examples(self):
        return sum(self.lengths)

    @property
    def starts(self):
        """The number of each file's first record, int64 `(files,)`."""
        lengths = np.array(self.lengths, "int64")
        return np.cumsum(lengths) - lengths

    def read(self):
        """Returns a `tf.data.Dataset` of (index, record) in the order of the files."""
        return tf.data.Dataset.range(len(self.paths)).flat_map(self.read_file)

    def read_file(self, file):
        """Returns the same of one file, by its number.

        A damaged record hides those after it, and a file may be gone: what is missing
        comes as empty strings, which no parser takes, so that indices stay as they are.
        """
        # A file that cannot be opened is an error again and again: never ignored.
        paths = tf.numpy_function(_opening, [tf.gather(self.paths, file)], tf.string)
        records = tf.data.TFRecordDataset(tf.ensure_shape(paths, [None]))
        records = records.ignore_errors(log_warning=True)
        records = records.concatenate(tf.data.Dataset.from_tensors("").repeat())
        length = tf.gather(tf.constant(self.lengths, tf.int64), file)
        return records.take(length).enumerate(tf.gather(self.starts, file))

    def name_of(self, index):
        """Returns where an example is: its file, and its place there from 0 on."""
        file = int(np.searchsorted(self.starts, index, side="right")) - 1
        return f"record {index - self.starts[file]} of {Path(self.paths[file]).name}"


def source_of_records(name, files, parse, class_names, memory_limit):
    """Returns a source in memory where the files fit, each example checked.

    Larger files are streamed; what is broken there shows when it is read.

    Args:
        name, class_names: As for `Source`.
        files: `RecordFiles`.
        parse: Function from (index, record) to an example with an encoded image.
        memory_limit: Integer. Bytes.

    Raises:
        InputError: No image of files that fit is readable.
    """
    if files.num_bytes > memory_limit:
        return RecordSource(name, files, parse, class_names, memory_limit)
    names = [files.name_of(index) for index in range(files.num_examples)]
    indices, labels, images, skipped = keep_readable(files.read().map(parse), names)
    names = [names[index] for index in indices]
    return IndexedSource(name, images, labels, class_names, skipped, names=names)


class RecordSource(Source):
    """Examples that stream from TFRecord files.

    An epoch shuffles the files, reads some at once, and draws from a buffer of
    at most `memory_limit` bytes. Numbers of examples count along the files.

    Args:
        name, class_names: As for `Source`.
        files: `RecordFiles`.
        parse: Function from (index, record) to an example.
        memory_limit: Integer. Bytes of the shuffle buffer.
    """

    may_fail = True

    def __init__(self, name, files, parse, class_names=None, memory_limit=2 << 30):
        super().__init__(name, files.num_examples, class_names)
        self.files = files
        self.parse = parse
        mean_bytes = files.num_bytes / files.num_examples
        self.buffer_size = int(np.clip(memory_limit / mean_bytes, 1, MAX_BUFFER))

    def order(self, seed=0, epoch=None):
        if epoch is None:
            return self.files.read()
        key = shuffle_seed(seed, epoch)
        files = tf.random.experimental.stateless_shuffle(
            tf.range(len(self.files.paths)), seed=key
        )
        records = tf.data.Dataset.from_tensor_slices(files).interleave(
            self.files.read_file,
            cycle_length=FILES_AT_ONCE,
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        (buffer_seed,) = tf.unstack(
            tf.random.stateless_uniform([1], key, None, None, tf.int64)
        )
        if not tf.executing_eagerly():
            # `shuffle` compares (this graph's seed, buffer_seed) with (0, 0), and a
            # tensor has no truth: so the graph's seed, which is used for nothing
            # else, must not be the 0 that `set_random_seed(0)` left there.
            tf.compat.v1.set_random_seed(1)
        return records.shuffle(
            self.buffer_size, seed=buffer_seed, reshuffle_each_iteration=False
        )

    def between(self, start, stop):
        """Opens the files alone that hold some of these records."""
        start, stop = tf.cast(start, tf.int64), tf.cast(stop, tf.int64)
        ends = tf.stack([start, stop - 1])
        ends = tf.searchsorted(self.files.starts, ends, "right", tf.int64) - 1
        first, last = tf.unstack(ends)
        files = tf.data.Dataset.range(first, last + 1)
        records = files.flat_map(self.files.read_file)
        records = records.skip(start - tf.gather(self.files.starts, first))
        return records.take(stop - start)

    def read(self, *reference):
        return self.parse(*reference)

    def name_of(self, index):
        return self.files.name_of(index)


def _opening(path):
    """Returns `[path]`, or nothing where it cannot be read."""
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            file.read(1)
    except tf.errors.OpError:
        return np.array([], object)
    return np.array([path], object)
