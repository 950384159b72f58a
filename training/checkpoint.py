"""What a killed run needs to go on: weights, optimizer and epoch, written at once.

`keras.callbacks.BackupAndRestore` restores inside `fit`, after the data set was
made, and writes weights and epoch one after the other; a run killed between
the two would repeat an epoch.
"""

import json
import math
import os
import shutil
from pathlib import Path

import keras

FOLDER = "checkpoints"


class Checkpoint(keras.callbacks.Callback):
    """Saves model and optimizer after every epoch and keeps the last two.

    Args:
        workdir: Path. Checkpoints go to `workdir/checkpoints/epoch_NNNNN/`.
    """

    def __init__(self, workdir):
        super().__init__()
        self.folder = Path(workdir) / FOLDER

    def on_epoch_end(self, epoch, logs=None):
        if not math.isfinite(logs["loss"]):  # keep the last good one
            return
        target = self.folder / f"epoch_{epoch + 1:05d}"
        partial = self.folder / f".partial_{epoch + 1:05d}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        self.model.save_weights(partial / "model.weights.h5")
        (partial / "logs.json").write_text(json.dumps(logs, default=float))
        shutil.rmtree(target, ignore_errors=True)
        os.replace(partial, target)  # complete or absent, never half
        for old in checkpoints(self.folder.parent)[:-2]:
            shutil.rmtree(old)


def checkpoints(workdir):
    """Returns the checkpoints of a run, oldest first."""
    return sorted((Path(workdir) / FOLDER).glob("epoch_*"))


def epochs_done(workdir):
    """Returns the epochs of the newest checkpoint of a run, 0 where there is none."""
    found = checkpoints(workdir)
    return int(found[-1].name.removeprefix("epoch_")) if found else 0


def restore(model, workdir):
    """Loads the newest checkpoint, if there is one, into a compiled model."""
    if found := checkpoints(workdir):
        model.optimizer.build(model.trainable_variables)
        model.load_weights(found[-1] / "model.weights.h5")
