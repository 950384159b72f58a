"""What a killed run needs to go on: weights, optimizer and place, written at once.

`keras.callbacks.BackupAndRestore` restores inside `fit`, after the data set was
made, and writes weights and epoch one after the other; a run killed between
the two would repeat an epoch.
"""

import hashlib
import json
import math
import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import keras

from keras_mae.keras_hooks import step_counter
from keras_mae.program import InputError, RunError

FOLDER = "checkpoints"
WEIGHTS, STATE = "model.weights.h5", "state.json"
KEPT = 2


class Saved(NamedTuple):
    """A checkpoint, or where there is none, the beginning.

    Attributes:
        epoch, step: Integers: epochs done, and steps done of the next one.
        path: `Path` of the folder, or `None`.
    """

    epoch: int = 0
    step: int = 0
    path: Path | None = None

    @property
    def state(self):
        """What was saved beside the weights, a dictionary."""
        return json.loads((self.path / STATE).read_text())


class Checkpoint(keras.callbacks.Callback):
    """Saves model and optimizer after every epoch and keeps the last two.

    Not after an epoch that ended with steps left out because they were not finite:
    what is kept is good.

    Args:
        workdir: Path. Checkpoints go to `workdir/checkpoints/epoch_NNNNN/`.
    """

    def __init__(self, workdir):
        super().__init__()
        self.workdir = Path(workdir)

    def on_epoch_end(self, epoch, logs=None):
        watch = getattr(self.model, "step_watch", None)
        # One alone is part of how loss scaling works.
        diverging = watch is not None and watch.skipped_in_a_row > 1
        if math.isfinite(logs["loss"]) and not diverging:
            logs = {name: float(value) for name, value in logs.items()}
            save(self.model, self.workdir, epoch + 1, state={"logs": logs})


def save(model, workdir, epoch, step=0, state=None):
    """Saves a checkpoint, complete or not at all, and removes old ones.

    Args:
        model: A compiled model.
        workdir: Path of the run.
        epoch, step: Integers: epochs done, and steps done of the next one.
        state: Dictionary of what else is to be kept.

    Raises:
        RunError: It cannot be written.
    """
    folder = Path(workdir) / FOLDER
    name = f"epoch_{epoch:05d}" + (f"_step_{step:07d}" if step else "")
    partial = folder / f".partial_{name}"
    try:
        _remove_partial(folder)
        partial.mkdir(parents=True)
        _check_space(model, folder)
        model.save_weights(partial / WEIGHTS)
        _write_state(partial, state or {})
        shutil.rmtree(folder / name, ignore_errors=True)
        os.replace(partial, folder / name)  # complete or absent, never half
        _to_disk(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise _not_saved(workdir, name, error) from error
    for old in checkpoints(workdir)[:-KEPT]:
        shutil.rmtree(old.path)


def checkpoints(workdir):
    """Returns the checkpoints of a run, each a `Saved`, oldest first."""
    return [_saved(path) for path in sorted((Path(workdir) / FOLDER).glob("epoch_*"))]


def newest_checkpoint(workdir, at_most=None):
    """Returns the newest checkpoint that is intact, as `Saved`; else the beginning.

    Damaged ones (a disk may lose what it said it had written) are told of on stderr.

    Args:
        workdir: Path of the run.
        at_most: Optional `Saved`: none that is newer.

    Raises:
        InputError: There are checkpoints, and all are damaged.
    """
    found = [s for s in checkpoints(workdir) if at_most is None or s[:2] <= at_most[:2]]
    for saved in reversed(found):
        if _is_intact(saved.path):
            return saved
        print(f"{saved.path} is damaged and passed over", file=sys.stderr)
    if found:
        raise InputError(
            f"all checkpoints in {found[0].path.parent} are damaged; remove that "
            "folder to begin anew"
        )
    return Saved()


def restore(model, saved):
    """Loads a checkpoint into a compiled model; the beginning changes nothing."""
    if saved.path is not None:
        model.optimizer.build(model.trainable_variables)
        model.load_weights(saved.path / WEIGHTS)


def go_back(model, saved):
    """Loads a checkpoint into a model in training, whose step counts on."""
    counter = step_counter(model)
    step = counter.numpy()
    restore(model, saved)
    counter.assign(step)


def _saved(path):
    epoch, _, step = path.name.removeprefix("epoch_").partition("_step_")
    return Saved(int(epoch), int(step or 0), path)


def _remove_partial(folder):
    for partial in folder.glob(".partial_*"):  # of runs that were killed
        shutil.rmtree(partial)


def _check_space(model, folder):
    """Fails before anything is written: HDF5 complains at length of a full disk."""
    variables = [*model.variables, *model.optimizer.variables]
    needed = 4 * sum(math.prod(variable.shape) for variable in variables)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(f"{needed:,} bytes are needed and {free:,} are free")


def _write_state(partial, state):
    _to_disk(partial / WEIGHTS)
    path = partial / STATE
    path.write_text(json.dumps({**state, "sha256": _digest(partial)}))
    _to_disk(path)
    _to_disk(partial)


def _is_intact(folder):
    try:
        state = json.loads((folder / STATE).read_text())
        return state["sha256"] == _digest(folder)
    except (OSError, ValueError, KeyError):
        return False


def _digest(folder):
    with (folder / WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _to_disk(path):
    """Waits until a file, or the names in a folder, would survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_saved(workdir, name, error):
    kept = [saved.path for saved in checkpoints(workdir)]
    last = f"the last good one is {kept[-1]}" if kept else "there is none before it"
    reason = " ".join(str(error).split())[:200]
    return RunError(
        f"checkpoint {name} cannot be written to {workdir}: {reason}; {last}. Make "
        "room and run the same command again"
    )
