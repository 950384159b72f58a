"""Steps of plain `fit`, timed one by one."""

import time

import keras
import numpy as np
import tensorflow as tf

WARM_UP = 3  # calls that compile and fill caches


class StepTimes(keras.callbacks.Callback):
    """Records the seconds that every step of `fit` takes.

    Args:
        after_call: Optional function, called after every call of the step.

    Attributes:
        seconds: List of floats, one for each call: of a step, where a call makes
            several (`steps_per_execution`), their mean.
    """

    def __init__(self, after_call=None):
        super().__init__()
        self.after_call = after_call
        self.seconds = []

    def on_train_batch_begin(self, batch, logs=None):
        self.first, self.began = batch, time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.model.optimizer.iterations.numpy()  # waits for an accelerator
        steps = batch - self.first + 1
        self.seconds.append((time.perf_counter() - self.began) / steps)
        if self.after_call:
            self.after_call()


def time_steps(model, batch, calls, after_call=None):
    """Fits a compiled model on one batch, again and again.

    Args:
        model: A compiled model.
        batch: Images, or `(images, labels)`.
        calls: Integer, how often the step is called.
        after_call: Optional function, called after each.

    Returns:
        List of the seconds of a step, one for each call.
    """
    times = StepTimes(after_call)
    options = tf.data.Options()
    options.autotune.enabled = False  # its thread can hold up the end of `fit`
    model.fit(
        tf.data.Dataset.from_tensors(batch).repeat().with_options(options),
        steps_per_epoch=calls * model.steps_per_execution,
        callbacks=[times],
        shuffle=False,
        verbose=0,
    )
    return times.seconds


def random_images(encoder, batch_size):
    """Returns float32 noise of the images' shape, a batch."""
    size = (batch_size, *encoder.image_size, encoder.num_channels)
    return np.random.default_rng(0).normal(size=size).astype("float32")


def random_labels(num_classes, batch_size):
    """Returns one class a row, float32 `(batch_size, num_classes)`."""
    return np.eye(num_classes, dtype="float32")[np.arange(batch_size) % num_classes]
