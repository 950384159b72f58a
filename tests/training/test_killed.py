"""SIGKILL at any moment: the same command ends as if nothing had happened."""

import csv
import functools
import io
import signal
import subprocess
import sys
import time
import zipfile

import h5py
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from training.checkpoint import WEIGHTS, checkpoints

from .test_checkpoint import damage

pytestmark = pytest.mark.slow

TIMED = {"images_per_second", "input_wait"}
EPOCHS = 5
SETTINGS = ["depth=1", "compute=auto", f"epochs={EPOCHS}", "steps_per_epoch=60"]
PROGRAMS = {
    "pretrain": [
        *("--recipe", "demo", "--set", "image_size=28", "clip_norm=1", *SETTINGS),
        *("accumulation_steps=2", "probe_every=2", "probe_images=50"),
    ],
    "finetune": [
        *("--recipe", "finetune_demo", "--set", "patch_size=7", *SETTINGS),
        *("layer_decay=0.7", "ema=0.5", "mixup=0.8", "cutmix=1", "magnitude=9"),
        *("erasing=0.25", "drop_path_rate=0.1", "max_test_images=64"),
        "streams=2",
    ],
}
# Runs a program that dies at a certain call of a function.
DIES = """
import itertools, os, pkgutil, signal, sys

owner, name, call, program, *line = sys.argv[1:]
owner, calls = pkgutil.resolve_name(owner), itertools.count(1)
function = getattr(owner, name)

def counted(*args, **kwargs):
    if next(calls) == int(call):
        os.kill(os.getpid(), signal.SIGKILL)
    return function(*args, **kwargs)

setattr(owner, name, counted)
pkgutil.resolve_name(f"training.{program}").main(line)
"""


def line(program, workdir):
    name, recipe, *settings = PROGRAMS[program]
    folders = ("--data", "demo", "--workdir", str(workdir))
    return [name, recipe, *folders, "--tiny", *settings]


def start(program, workdir, epochs=1):
    """Starts a program and returns it when so many epochs of training have begun."""
    process = subprocess.Popen(
        [sys.executable, "-um", f"training.{program}", *line(program, workdir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    begun = (text for text in process.stdout if text.startswith("Epoch"))
    for _ in range(epochs):
        next(begun, None)
    return process


def finish(program, workdir):
    process = start(program, workdir)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return workdir


def datasets(file):
    """Returns the arrays of an HDF5 file by their names."""
    found = {}
    with h5py.File(file) as opened:
        opened.visititems(lambda name, item: found.update({name: item}))
        return {k: v[()] for k, v in found.items() if isinstance(v, h5py.Dataset)}


def arrays(workdir):
    """Returns the model's weights, and weights and optimizer of both checkpoints."""
    with zipfile.ZipFile(workdir / "model.keras") as file:
        model = datasets(io.BytesIO(file.read(WEIGHTS)))
    saved = [datasets(saved.path / WEIGHTS) for saved in checkpoints(workdir)]
    assert len(saved) == 2
    assert any(name.startswith("optimizer") for name in saved[-1])
    return [model, *saved]


def table(workdir):
    """Returns the lines of the CSV file, but for figures of speed."""
    with (workdir / "logs" / "epochs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == EPOCHS
    return [{k: v for k, v in row.items() if k not in TIMED} for row in rows]


def losses_shown(workdir):
    """Returns the losses that TensorBoard shows, by epochs; some may be there twice."""
    events = EventAccumulator(str(workdir / "logs" / "train")).Reload()
    return {
        (event.step, tf.make_ndarray(event.tensor_proto).item())
        for event in events.Tensors("epoch_loss")
    }


def assert_same(workdir, expected):
    """Checks weights, optimizer, logs and the model: to the last bit."""
    for found, wanted in zip(arrays(workdir), arrays(expected), strict=True):
        assert found.keys() == wanted.keys()
        for name in found:
            np.testing.assert_array_equal(found[name], wanted[name], err_msg=name)
    assert table(workdir) == table(expected)
    assert losses_shown(workdir) == losses_shown(expected)
    assert len(losses_shown(expected)) == EPOCHS


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Returns a function that gives a program's uninterrupted run, made once."""

    @functools.cache
    def run(program):
        return finish(program, tmp_path_factory.mktemp("whole") / program)

    return run


@pytest.mark.parametrize(
    ("program", "seed"), [("pretrain", 0), ("pretrain", 1), ("finetune", 2)]
)
def test_killed_at_random_moments(whole, tmp_path, program, seed):
    random = np.random.default_rng(seed)
    for _ in range(3):
        process = start(program, tmp_path, epochs=random.integers(1, 3))
        time.sleep(random.uniform(0, 1))
        process.kill()
        _, errors = process.communicate()
        assert process.returncode == -signal.SIGKILL, errors
    assert_same(finish(program, tmp_path), whole(program))


def test_killed_while_a_checkpoint_is_written_and_between_epochs(whole, tmp_path):
    program, expected = "pretrain", whole("pretrain")
    arrays = len(datasets(checkpoints(expected)[0].path / WEIGHTS))
    moments = [
        ("h5py:Group", "create_dataset", arrays + arrays // 2),  # half of the second
        ("training.checkpoint", "_write_state", 2),  # weights without their digest
        ("training.checkpoint", "_to_disk", 3),  # all there, not yet renamed
        ("training.checkpoint", "_to_disk", 4),  # renamed, the old ones still there
        ("training.epoch_table:EpochTable", "on_epoch_end", 1),  # nothing saved of it
        ("training.checkpoint", "save", 1),  # a line in the table, no checkpoint
        ("keras:Model", "save", 1),  # trained, and no model yet
    ]
    left = []
    for owner, name, call in moments:
        dying = [sys.executable, "-c", DIES, owner, name, str(call), program]
        process = subprocess.run(
            [*dying, *line(program, tmp_path)], capture_output=True, text=True
        )
        assert process.returncode == -signal.SIGKILL, (name, process.stderr)
        folder = tmp_path / "checkpoints"
        left.append(sorted(path.name for path in folder.iterdir()))
    assert left[:4] == [
        [".partial_epoch_00002", "epoch_00001"],
        [".partial_epoch_00003", "epoch_00001", "epoch_00002"],
        [".partial_epoch_00003", "epoch_00001", "epoch_00002"],
        ["epoch_00001", "epoch_00002", "epoch_00003"],
    ]
    assert not (tmp_path / "model.keras").exists()
    damage(checkpoints(tmp_path)[-1].path / WEIGHTS)  # its end gets lost as well
    assert_same(finish(program, tmp_path), expected)


@pytest.mark.parametrize("program", PROGRAMS)
def test_stopped_by_sigterm_a_program_tells_and_goes_on(whole, tmp_path, program):
    process = start(program, tmp_path, epochs=2)
    process.terminate()
    _, errors = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert "stopped by SIGTERM in epoch 2" in errors
    assert "Traceback" not in errors
    assert_same(finish(program, tmp_path), whole(program))
