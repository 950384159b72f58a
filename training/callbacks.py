"""What a run shows while it trains: speed, and pictures in TensorBoard."""

import time

import keras
import numpy as np
import tensorflow as tf

from .pictures import picture_grid, reconstruction_pictures, statistics_note


class Throughput(keras.callbacks.Callback):
    """Adds `images_per_second` to an epoch's logs: of training, once it is compiled.

    Place it before the callbacks that log what they find.

    Args:
        batch_size: Integer, the global batch.
    """

    def __init__(self, batch_size):
        super().__init__()
        self.batch_size = batch_size
        self.compiled = False

    def on_epoch_begin(self, epoch, logs=None):
        self.began, self.from_step, self.ended = time.perf_counter(), 0, None

    def on_train_batch_end(self, batch, logs=None):
        self.steps = batch + 1
        if not self.compiled:
            self.compiled = True
            self.began, self.from_step = time.perf_counter(), self.steps

    def on_test_begin(self, logs=None):
        self.ended = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        steps = self.steps - self.from_step
        if steps and logs is not None:
            seconds = (self.ended or time.perf_counter()) - self.began
            logs["images_per_second"] = steps * self.batch_size / seconds


class StepFigures(keras.callbacks.Callback):
    """Adds `learning_rate` to an epoch's logs, `gradient_norm` and `skipped_steps`.

    The last two where the model is a `TrainingStep`, which watches them; where all
    steps of an epoch were left out, its `loss` is not a number. Place it before the
    callbacks that log what they find.
    """

    def on_train_begin(self, logs=None):
        self.watch = getattr(self.model, "step_watch", None)

    def on_epoch_begin(self, epoch, logs=None):
        if self.watch:
            self.watch.reset()

    def on_epoch_end(self, epoch, logs=None):
        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        logs["learning_rate"] = float(rate)
        if self.watch:
            self._add_watched(self.watch, logs)

    def _add_watched(self, watch, logs):
        logs["gradient_norm"] = watch.gradient_norm
        logs["skipped_steps"] = watch.skipped
        if watch.applied == 0:
            logs["loss"] = float("nan")


class ReconstructionPictures(keras.callbacks.Callback):
    """Writes reconstructions of the same images to TensorBoard every few epochs.

    Args:
        images: Float array `(batch, height, width, channels)`, normalised.
        log_dir: Path of the TensorBoard logs.
        every: Integer. Epochs between two pictures; the last epoch has one too.
    """

    def __init__(self, images, log_dir, every):
        super().__init__()
        self.images = images
        self.log_dir = log_dir
        self.every = every

    def on_train_begin(self, logs=None):
        self.writer = tf.summary.create_file_writer(str(self.log_dir))

    def on_epoch_end(self, epoch, logs=None):
        last = epoch + 1 == self.params["epochs"]
        if (epoch + 1) % self.every and not last:
            return
        pictures = reconstruction_pictures(self.model, self.images)
        grid = picture_grid(pictures, footer=statistics_note(self.model))
        with self.writer.as_default():
            tf.summary.image("reconstructions", np.array(grid)[None], step=epoch)
        self.writer.flush()

    def on_train_end(self, logs=None):
        self.writer.close()
