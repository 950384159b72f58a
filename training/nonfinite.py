"""Steps that are not finite: told of, and after too many in a row the run goes back."""

import sys

import keras

from keras_mae.program import RunError

from .checkpoint import go_back, newest_checkpoint
from .diagnosis import first_nonfinite
from .hosts import host_of

ADVICE = "Use a lower base_learning_rate, a longer warm-up, or precision=float32"


class TrainingDiverged(RunError):
    """Loss or gradient are not finite any more."""


class NonFiniteSteps(keras.callbacks.Callback):
    """Watches the steps that the model left out because they were not finite.

    The first of an epoch is told of on stderr, with the layer where it began; of
    several in one call of Python (`steps_per_execution`) the last. After `limit` in a
    row, weights and optimizer go back to the newest checkpoint; data and schedule go
    on. If it comes again before the end of an epoch, the run stops.

    Args:
        workdir: Path of the run.
        limit: Integer.
        steps: Integer, steps of an epoch.
        batch_at: Function of an epoch and a step, from 0, that returns their batch.

    Raises:
        TrainingDiverged: In training, after `limit` steps in a row, without checkpoint
            or shortly after going back to it.
    """

    def __init__(self, workdir, limit, steps, batch_at):
        super().__init__()
        self.workdir = workdir
        self.limit = limit
        self.steps = steps
        self.batch_at = batch_at
        self.went_back = False

    def on_epoch_begin(self, epoch, logs=None):
        self.told, self.known = False, self.model.step_watch.last_skipped

    def on_train_batch_end(self, batch, logs=None):
        watch = self.model.step_watch
        if watch.skipped_in_a_row >= self.limit:
            self._go_back(watch.skipped_in_a_row)
        elif not self.told and watch.last_skipped != self.known:
            self.told = True
            if not _scales_loss(self.model):
                print(f"left out {self._step()}", file=sys.stderr)

    def on_epoch_end(self, epoch, logs=None):
        if self.model.step_watch.skipped_in_a_row == 0:
            self.went_back = False

    def _go_back(self, row):
        saved = newest_checkpoint(self.workdir)
        story = f"{row} steps in a row were not finite, the last {self._step()}"
        if saved.path is None:
            raise TrainingDiverged(f"{story}. No checkpoint to go back to. {ADVICE}")
        if self.went_back:
            raise TrainingDiverged(
                f"{story}. It came again after going back to {saved.path}, which is "
                f"kept. {ADVICE}"
            )
        print(f"{story}. Going back to {saved.path}", file=sys.stderr)
        self.went_back = self.told = True
        go_back(self.model, saved)
        self.model.step_watch.end_row()

    def _step(self):
        """Says which step was left out last, and where it was not finite."""
        number = self.model.step_watch.last_skipped
        epoch, step = divmod(number, self.steps)
        strategy = self.model.distribute_strategy
        parts = strategy.num_replicas_in_sync * self.model.accumulation_steps
        batch, host = self.batch_at(epoch, step), host_of(strategy)
        where = first_nonfinite(self.model, batch, number, parts, host)
        return f"step {step + 1} of epoch {epoch + 1}: {where}"


def _scales_loss(model):
    # Steps left out are how it finds its scale.
    return isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
