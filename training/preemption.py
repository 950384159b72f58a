"""Save and leave: on SIGTERM, which schedulers send, and on Ctrl-C."""

import contextlib
import signal
import sys
import threading

import keras
import numpy as np
import tensorflow as tf

from .checkpoint import save
from .hosts import of_all_hosts


class Preemption(keras.callbacks.Callback):
    """Saves within the epoch and ends the program once SIGTERM or SIGINT has arrived.

    Metrics are saved with the place in the epoch: run again, the program logs the
    epoch's figures as if nothing had happened. The exit status is 143, or 130 after
    SIGINT (Ctrl-C), of which a second one ends the program at once. Place it last.

    Args:
        workdir: Path of the run.
        saved: The `Saved` that the run goes on from.
        steps: Integer, steps of an epoch.
    """

    def __init__(self, workdir, saved, steps):
        super().__init__()
        self.workdir = workdir
        self.saved = saved
        self.steps = steps
        self.arrived = 0  # number of the signal

    @contextlib.contextmanager
    def listening(self):
        """A signal that arrives inside waits for the end of a step."""
        if threading.current_thread() is not threading.main_thread():
            yield  # Python tells of signals in the main thread alone
            return
        before = {signal.SIGTERM: signal.signal(signal.SIGTERM, self._note)}
        # Not in the background, where shells have processes ignore it.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            before[signal.SIGINT] = signal.signal(signal.SIGINT, self._note)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number, frame):
        self.arrived = number
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            print(
                "\nsaving after this step; Ctrl-C again stops at once", file=sys.stderr
            )

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.first = epoch, 0
        if epoch == self.saved.epoch and self.saved.step:
            self.first = self.saved.step
            for variable, value in zip(
                _counters(self.model), self.saved.state["counters"], strict=True
            ):
                variable.assign(value)

    def on_train_batch_end(self, batch, logs=None):
        done = self.first + batch + 1
        number = self._arrived_anywhere()
        if number and done < self.steps:
            counters = [np.array(v).tolist() for v in _counters(self.model)]
            save(self.model, self.workdir, self.epoch, done, {"counters": counters})
            _leave(number, f"in epoch {self.epoch + 1}, after step {done}")

    def on_epoch_end(self, epoch, logs=None):
        if number := self._arrived_anywhere():
            _leave(number, f"after epoch {epoch + 1}")

    def _arrived_anywhere(self):
        # Workers leave together, or the others would wait for ever.
        return int(of_all_hosts(self.model.distribute_strategy, self.arrived).max())


def _leave(number, where):
    print(
        f"stopped by {signal.Signals(number).name} {where}; the same command goes on "
        "from the newest checkpoint",
        file=sys.stderr,
    )
    sys.exit(128 + number)  # as of any process that ends by this signal


def build_metrics(model, element_spec):
    """Makes the variables of compiled metrics, which Keras makes in the first step.

    Under a strategy Keras makes them earlier, and in its own way.

    Args:
        model: A compiled model.
        element_spec: Of the batches that it will be trained on.
    """
    if model.distribute_strategy.num_replicas_in_sync > 1:
        return
    example = keras.tree.map_structure(
        lambda spec: tf.zeros((1, *spec.shape[1:]), spec.dtype), element_spec
    )
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(example)
    model.compute_metrics(x, y, model(x), sample_weight)
    model.reset_metrics()


def _counters(model):
    """Returns the variables that an epoch's figures are computed from."""
    of_metrics = [variable for m in model.metrics for variable in m.variables]
    watch = getattr(model, "step_watch", None)
    return [*of_metrics, *(watch.variables if watch else ())]
