"""What a run writes for TensorBoard: its settings first, then the figures of epochs."""

import json

import keras
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from .workdir import CONFIG

COMPARED = (bool, int, float, str)  # what HParams can show as it is
HELD_OUT = "val_"  # how Keras begins names of figures of the held-out split


class RecipeLog(keras.callbacks.Callback):
    """Writes a run's settings to TensorBoard: a table under Text, and for HParams.

    There, runs under one folder stand beside one another with their settings and last
    figures. Every time that a run goes on, the table is written anew.

    Args:
        workdir: `Path` of the run, with its `config.json`.
        epoch: Integer, the epoch that the run goes on from.
    """

    def __init__(self, workdir, epoch):
        super().__init__()
        self.workdir = workdir
        self.epoch = epoch

    def on_train_begin(self, logs=None):
        settings = json.loads((self.workdir / CONFIG).read_text())
        # Above the folders of the figures: HParams takes what is below for the run's.
        writer = tf.summary.create_file_writer(str(self.workdir / "logs"))
        with writer.as_default():
            tf.summary.text("recipe", _table(settings), step=self.epoch)
            hparams.hparams(_compared(settings))
        writer.close()


class EpochScalars(keras.callbacks.Callback):
    """Writes an epoch's logs to TensorBoard, on disk before the epoch is saved.

    Keras' `TensorBoard` keeps them in memory for up to two minutes: a run that is
    killed would lose them, and go on after them. Place it after the callbacks that add
    to the logs, and before `Checkpoint`.

    Args:
        log_dir: `Path`. Figures go to its folder `train`, those of the held-out split
            to `validation`, as `epoch_NAME`; epochs count from 0.
    """

    def __init__(self, log_dir):
        super().__init__()
        self.log_dir = log_dir

    def on_train_begin(self, logs=None):
        self.writers = {}

    def on_epoch_end(self, epoch, logs=None):
        for name, value in logs.items():
            split = "validation" if name.startswith(HELD_OUT) else "train"
            with self._writer(split).as_default():
                name = f"epoch_{name.removeprefix(HELD_OUT)}"
                tf.summary.scalar(name, float(value), step=epoch)
        for writer in self.writers.values():
            writer.flush()

    def on_train_end(self, logs=None):
        for writer in self.writers.values():
            writer.close()

    def _writer(self, split):
        if split not in self.writers:
            folder = str(self.log_dir / split)
            self.writers[split] = tf.summary.create_file_writer(folder)
        return self.writers[split]


def _table(settings):
    # As code, or a pattern of files would be Markdown.
    rows = [f"| {name} | `{json.dumps(value)}` |" for name, value in settings.items()]
    return "\n".join(["| setting | value |", "| --- | --- |", *rows])


def _compared(settings):
    """Returns lists as text, and leaves out what is not set."""
    return {
        name: value if isinstance(value, COMPARED) else json.dumps(value)
        for name, value in settings.items()
        if value is not None
    }
