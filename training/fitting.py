"""The call of `fit` that pre-training and fine-tuning share: logs and checkpoints."""

import math
import sys
import time

import keras

from .callbacks import Throughput
from .checkpoint import Checkpoint
from .epoch_table import EpochTable
from .input_watch import InputWait


class TrainingDiverged(RuntimeError):
    """The loss is not a number any more."""


def fit(
    model,
    batches,
    config,
    workdir,
    steps,
    first_epoch,
    callbacks=(),
    wait=None,
    **kwargs,
):
    """Trains from `first_epoch` on; returns the last epoch's figures and `seconds`.

    Args:
        model: A compiled model.
        batches: `tf.data.Dataset`, already shuffled.
        config: A `RunConfig`.
        workdir: `Path` of the run; logs and checkpoints go there.
        steps: Integer, batches of an epoch.
        first_epoch: Integer. Where it is `config.epochs`, nothing is trained.
        callbacks: Callbacks that come before the writing of logs.
        wait: Optional `InputWait` that watches what `batches` are made of; by default
            one watches these.
        **kwargs: Further arguments of `model.fit`.

    Raises:
        TrainingDiverged: The loss became infinite or not a number.
    """
    if first_epoch:
        print(f"resuming after epoch {first_epoch} of {config.epochs}")
    if first_epoch >= config.epochs:
        return {}
    began = time.perf_counter()
    if wait is None:
        wait = InputWait()
        batches = wait.watch(batches)
    history = model.fit(
        batches,
        steps_per_epoch=steps,
        epochs=config.epochs,
        initial_epoch=first_epoch,
        shuffle=False,  # done by the data set
        verbose=1 if sys.stdout.isatty() else 2,
        callbacks=[
            Throughput(config.batch_size),
            wait,
            *callbacks,
            keras.callbacks.TensorBoard(workdir / "logs", write_graph=False),
            EpochTable(workdir / "logs" / "epochs.csv"),
            keras.callbacks.TerminateOnNaN(),
            Checkpoint(workdir),
        ],
        **kwargs,
    ).history
    results = {name: round(values[-1], 6) for name, values in history.items()}
    if not math.isfinite(results["loss"]):
        raise TrainingDiverged(
            f"the loss became {results['loss']}; {workdir} keeps the last good "
            "checkpoint. Use a lower base_learning_rate, a longer warm-up, or "
            "precision=float32"
        )
    return {**results, "seconds": round(time.perf_counter() - began, 1)}
