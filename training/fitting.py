"""The calls of `fit` that programs share: logs, checkpoints, what may go wrong."""

import math
import sys
import time

import keras

from keras_mae.models.training_step import TrainingStep
from keras_mae.program import InputError

from .callbacks import StepFigures, Throughput
from .checkpoint import Checkpoint, go_back, newest_checkpoint
from .epoch_table import EpochTable
from .hosts import host_of, share_of_replicas
from .input_watch import InputWait
from .nonfinite import ADVICE, NonFiniteSteps, TrainingDiverged
from .preemption import Preemption, build_metrics
from .tensorboard_logs import EpochScalars, RecipeLog


def fit(
    model, batches, config, workdir, steps, saved, callbacks=(), wait=None, **kwargs
):
    """Trains on from a checkpoint; returns the last epoch's figures and `seconds`.

    Args:
        model: A compiled model, with the checkpoint's weights.
        batches: Function of an epoch and a step of it that returns the
            `tf.data.Dataset` of all epochs from there on, already shuffled.
        config: A `RunConfig`.
        workdir: `Path` of the run; logs and checkpoints go there.
        steps: Integer, batches of an epoch.
        saved: The checkpoint, a `Saved`. Where it is the last epoch's, nothing is
            trained.
        callbacks: Callbacks that come before the writing of logs.
        wait: Optional `InputWait` that watches what `batches` are made of; by default
            one watches these.
        **kwargs: Further arguments of `model.fit`.

    Raises:
        TrainingDiverged: Loss or gradient are not finite any more.
        RunError: A checkpoint cannot be written.
        InputError: The checkpoint is of an epoch of more steps.
    """
    _tell_of_resuming(saved, config.epochs)
    _check_step(saved, steps)
    if saved.epoch >= config.epochs:
        return {}
    began, preemption = time.perf_counter(), Preemption(workdir, saved, steps)
    watch = InputWait() if wait is None else wait
    strategy = model.distribute_strategy
    chief = host_of(strategy).is_chief

    def train(first_epoch, epochs, first_step=0):
        dataset = batches(first_epoch, first_step)
        if first_step:
            build_metrics(model, dataset.element_spec)
        dataset = dataset if wait else watch.watch(dataset)
        return model.fit(
            share_of_replicas(strategy, dataset, config.batch_size),
            steps_per_epoch=steps - first_step,
            initial_epoch=first_epoch,
            epochs=epochs,
            shuffle=False,  # done by the data set
            verbose=(1 if sys.stdout.isatty() else 2) if chief else 0,
            callbacks=[
                StepFigures(),
                Throughput(config.batch_size),
                watch,
                *callbacks,
                *_guards(model, config, workdir, steps, batches),
                *_logs(workdir, first_epoch, chief),
                Checkpoint(workdir),
                preemption,
            ],
            **kwargs,
        ).history

    first_epoch = saved.epoch
    with preemption.listening():
        if saved.step:  # what is left of an epoch
            history = train(first_epoch, first_epoch + 1, saved.step)
            go_back(model, newest_checkpoint(workdir))  # `fit` ends with averages
            first_epoch += 1
        if first_epoch < config.epochs:
            history = train(first_epoch, config.epochs)
    results = {name: round(values[-1], 6) for name, values in history.items()}
    if not math.isfinite(results["loss"]):
        raise TrainingDiverged(f"the loss became {results['loss']}. {ADVICE}")
    return {**results, "seconds": round(time.perf_counter() - began, 1)}


def _tell_of_resuming(saved, epochs):
    if saved.path:
        step = f" and step {saved.step} of the next" if saved.step else ""
        print(f"resuming after epoch {saved.epoch}{step} of {epochs}")


def _check_step(saved, steps):
    """Checks that an epoch that was broken off still has as many steps."""
    if saved.step >= steps:
        raise InputError(
            f"{saved.path} was saved after step {saved.step} of an epoch, which now "
            f"has {steps}; are images missing?"
        )


def _logs(workdir, first_epoch, chief):
    table = EpochTable(workdir / "logs" / "epochs.csv")
    if not chief:
        return [table]
    return [RecipeLog(workdir, first_epoch), EpochScalars(workdir / "logs"), table]


def _guards(model, config, workdir, steps, batches):
    if not isinstance(model, TrainingStep):
        return [keras.callbacks.TerminateOnNaN()]

    def batch_at(epoch, step):
        return next(iter(batches(epoch, step)))

    return [NonFiniteSteps(workdir, config.skip_limit, steps, batch_at)]
