"""What a run says of its input: the time spent waiting for it, and what was broken."""

import os
import sys
import time
from pathlib import Path

import keras
import tensorflow as tf

from .workdir import write_atomically

UNREADABLE = "unreadable.txt"


class InputWait(keras.callbacks.Callback):
    """Adds `input_wait` to an epoch's logs: the share of time spent waiting for data.

    It counts from the request of a batch to its arrival, in training alone and after
    the step that compiles, and says so where the share is large. Place it before
    the callbacks that log what they find. Where a strategy fetches ahead on its own,
    it is that thread that waits: the share tells whether input limits training, and
    exaggerates by how much.

    Args:
        limit: Float. The share from which on a line on stderr says what to do.
    """

    def __init__(self, limit=0.2):
        super().__init__()
        self.limit = limit
        self.compiled = False
        self._start()

    def watch(self, dataset):
        """Returns the dataset to hand to `fit`."""
        # `zip` asks one after the other: the clock, then the data.
        clock = tf.data.Dataset.counter().map(lambda _: tf.timestamp())
        watched = tf.data.Dataset.zip(clock, dataset).map(self._note)
        options = tf.data.Options()
        options.experimental_optimization.inject_prefetch = False
        return watched.with_options(options)

    def _note(self, asked, batch):
        noted = tf.numpy_function(self._add, [tf.timestamp() - asked], tf.float64)
        with tf.control_dependencies([noted]):
            return tf.nest.map_structure(tf.identity, batch)

    def _add(self, seconds):
        self.waited += seconds
        return seconds

    def _start(self):
        self.began, self.ended, self.waited = time.perf_counter(), None, 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self._start()

    def on_train_batch_end(self, batch, logs=None):
        if not self.compiled:
            self.compiled = True
            self._start()

    def on_test_begin(self, logs=None):
        self.ended = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        seconds = (self.ended or time.perf_counter()) - self.began
        share = min(self.waited / seconds, 1.0)
        logs["input_wait"] = share
        if share > self.limit:
            print(
                f"input limits training: {share:.0%} of epoch {epoch + 1} went into "
                "waiting for images. Keep them on a local disk; as TFRecords where "
                "they are many files (python -m training.make_tfrecords); use more "
                "CPU cores. python -m training.benchmark --input times input alone",
                file=sys.stderr,
            )


class UnreadableImages(keras.callbacks.Callback):
    """Keeps a list of the images that could not be read in the folder of the run.

    Args:
        source: `Source`.
        workdir: Path. The names go to `workdir/unreadable.txt`, one a line.
    """

    def __init__(self, source, workdir):
        super().__init__()
        self.source = source
        self.path = Path(workdir) / UNREADABLE

    def on_train_begin(self, logs=None):
        self._write()

    def on_epoch_end(self, epoch, logs=None):
        self._write()

    def _write(self):
        # A run that goes on may not meet again what it met before.
        listed = self.path.read_text().splitlines() if self.path.exists() else []
        skipped = map(_printable, self.source.skipped)
        added = [name for name in skipped if name not in listed]
        if added:
            write_atomically(self.path, "\n".join([*listed, *added]) + "\n")


def _printable(name):
    """Returns a name as text, with `\\xe9` for what is not UTF-8 in a file's."""
    return os.fsencode(name).decode(errors="backslashreplace")
