"""TFRecord files too large for the memory, in an order that only seed and epoch set."""

import numpy as np
import tensorflow as tf

from .source import Source, shuffle_seed

FILES_AT_ONCE = 16
MAX_BUFFER = 10_000  # examples


def read_records(split_info):
    """Returns a `tf.data.Dataset` of (index, record) in the order of the files.

    Args:
        split_info: `tfds.core.SplitInfo` of a split stored as TFRecord.
    """
    return tf.data.TFRecordDataset(_paths(split_info)).enumerate()


class RecordSource(Source):
    """Examples that stream from TFRecord files.

    An epoch shuffles the files, reads some at once, and draws from a buffer of
    at most `memory_limit` bytes. Numbers of examples count along the files.

    Args:
        name, class_names: As for `Source`.
        split_info: `tfds.core.SplitInfo` of a split stored as TFRecord.
        parse: Function from (index, record) to an example.
        memory_limit: Integer. Bytes of the shuffle buffer.
    """

    def __init__(self, name, split_info, parse, class_names=None, memory_limit=2 << 30):
        super().__init__(name, split_info.num_examples, class_names)
        self.split_info = split_info
        self.parse = parse
        mean_bytes = split_info.num_bytes / split_info.num_examples
        self.buffer_size = int(np.clip(memory_limit / mean_bytes, 1, MAX_BUFFER))

    def order(self, seed=0, epoch=None):
        if epoch is None:
            return read_records(self.split_info)
        key = shuffle_seed(seed, epoch)
        files = tf.random.experimental.stateless_shuffle(
            tf.range(len(self.split_info.shard_lengths)), seed=key
        )
        records = tf.data.Dataset.from_tensor_slices(files).interleave(
            self._records_of_file,
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

    def read(self, *reference):
        return self.parse(*reference)

    def _records_of_file(self, file):
        lengths = np.array(self.split_info.shard_lengths, "int64")
        starts = tf.constant(np.cumsum(lengths) - lengths)
        path = tf.gather(_paths(self.split_info), file)
        return tf.data.TFRecordDataset(path).enumerate(tf.gather(starts, file))


def _paths(split_info):
    return [str(path) for path in split_info.filepaths]
