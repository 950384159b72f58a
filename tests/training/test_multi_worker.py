"""Two real processes on loopback: as one, killed and restarted, and when one fails."""

import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

import keras_mae
from training import finetune, pretrain
from training.checkpoint import WEIGHTS, checkpoints, newest_checkpoint

pytestmark = pytest.mark.slow

SETTINGS = ["epochs=4", "depth=1", "image_size=28", "base_learning_rate=0.001"]
SETTINGS += ["compute=auto", "steps_per_epoch=40", "probe_every=4", "probe_images=40"]
# What is computed otherwise, and must be the same.
OTHERWISE = ["steps_per_execution=2", "accumulation_steps=2", "clip_norm=0.5"]


def command(workdir, *settings, recipe="demo"):
    line = ["--recipe", recipe, "--data", "demo", "--workdir", str(workdir), "--tiny"]
    return [*line, "--set", *settings]


def free_addresses(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{free.getsockname()[1]}" for free in sockets]
    for free in sockets:
        free.close()
    return addresses


@pytest.fixture(scope="module")
def start():
    """Returns a function that starts two workers; none outlives the tests."""
    started = []

    def start_two(program, line):
        cluster = {"worker": free_addresses(2)}
        for index in range(2):
            task = {"type": "worker", "index": index}
            config = json.dumps({"cluster": cluster, "task": task})
            process = subprocess.Popen(
                [sys.executable, "-m", f"training.{program}", *line],
                env={**os.environ, "TF_CONFIG": config},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            started.append(process)
        return started[-2:]

    yield start_two
    for process in started:
        process.kill()


def finish(processes, status=0):
    """Returns what each worker printed to stdout and stderr."""
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [status] * 2, outputs
    return outputs


def wait_for_checkpoints(processes, workdir, count):
    """Waits until all workers have so many checkpoints."""
    folders = [workdir, workdir / "worker_1"]
    while any(len(checkpoints(folder)) < count for folder in folders):
        assert all(process.poll() is None for process in processes)
        time.sleep(0.02)


def logged(folder):
    with (folder / "logs" / "epochs.csv").open() as file:
        rows = list(csv.DictReader(file))
    measured = "images_per_second", "input_wait"
    names = [name for name in rows[0] if name not in measured]
    # An epoch without probe has empty fields.
    return {name: [float(row[name] or -1) for row in rows] for name in names}


def saved_arrays(workdir):
    """Returns weights and optimizer state of the newest checkpoint."""
    arrays = {}

    def keep(name, item):
        if isinstance(item, h5py.Dataset):
            arrays[name] = np.array(item)

    with h5py.File(newest_checkpoint(workdir).path / WEIGHTS) as file:
        file.visititems(keep)
    return arrays


def assert_same(folder, other):
    """Asserts that two runs logged the same and ended with the same weights."""
    first, second = logged(folder), logged(other)
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_allclose(second[name], values, rtol=1e-5, err_msg=name)
    for one, two in zip(*map(weights, (folder, other)), strict=True):
        np.testing.assert_allclose(two, one, atol=1e-5)


def assert_equal(folder, other):
    """Asserts that two runs logged and ended the same, to the last bit."""
    first, second = saved_arrays(folder), saved_arrays(other)
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(second[name], values, err_msg=name)
    assert logged(folder) == logged(other)


def weights(workdir):
    """Returns all weights, but for the keys' biases.

    They change nothing: Adam makes steps of their gradients' rounding noise.
    """
    arrays = []
    for variable in keras_mae.load(workdir / "model.keras").weights:
        array = np.array(variable)
        if variable.path.endswith("qkv/bias"):
            q, _, v = np.split(array, 3)
            array = np.concatenate([q, v])
        arrays.append(array)
    return arrays


@pytest.fixture(scope="module")
def workers(start, tmp_path_factory):
    """The folder of a run of two workers, and what they printed."""
    workdir = tmp_path_factory.mktemp("workers") / "run"
    return workdir, finish(start("pretrain", command(workdir, *SETTINGS, *OTHERWISE)))


def test_two_workers_equal_one_process(workers, tmp_path):
    workdir, _ = workers
    pretrain.main(command(tmp_path, *SETTINGS, "clip_norm=0.5"))
    assert_same(tmp_path, workdir)


def test_workers_keep_the_same_checkpoints(workers):
    workdir, _ = workers
    assert_equal(workdir, workdir / "worker_1")


def test_one_worker_tells_and_writes_the_results(workers):
    workdir, ((first, _), (second, _)) = workers
    assert "strategy: multi_worker (TF_CONFIG names 2 workers)" in first
    assert json.loads(first.splitlines()[-1])["model"] == str(workdir / "model.keras")
    assert "worker 2 of 2" in second
    assert "loss" not in second
    written = {path.name for path in (workdir / "worker_1").rglob("*")}
    assert "model.keras" not in written
    assert not any("tfevents" in name for name in written)
    assert any("tfevents" in path.name for path in workdir.rglob("*"))


def test_workers_killed_and_restarted_together_end_the_same(start, workers, tmp_path):
    whole, _ = workers
    line = command(tmp_path, *SETTINGS, *OTHERWISE)
    processes = start("pretrain", line)
    wait_for_checkpoints(processes, tmp_path, 2)
    for process in processes:
        process.kill()
    for process in processes:
        process.communicate()
    # They may be an epoch apart: all go back to where the last one was.
    shutil.rmtree(checkpoints(tmp_path / "worker_1")[-1].path)
    place = newest_checkpoint(tmp_path / "worker_1")
    (first, _), _ = finish(start("pretrain", line))
    assert f"resuming after epoch {place.epoch} of 4" in first
    assert_equal(tmp_path, whole)


def test_a_worker_that_is_lost_ends_the_others_with_one_line(start, tmp_path):
    processes = start("pretrain", command(tmp_path, *SETTINGS))
    wait_for_checkpoints(processes, tmp_path, 1)
    processes[1].kill()
    _, errors = processes[0].communicate(timeout=60)
    processes[1].communicate()
    assert processes[0].returncode == 1
    (line,) = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert "another worker is gone" in line
    assert "Traceback" not in errors


def test_a_sigterm_to_one_worker_saves_and_ends_all(start, workers, tmp_path):
    whole, _ = workers
    line = command(tmp_path, *SETTINGS, *OTHERWISE)
    processes = start("pretrain", line)
    wait_for_checkpoints(processes, tmp_path, 1)
    processes[1].terminate()
    outputs = finish(processes, status=143)
    assert all("stopped by SIGTERM" in err for _, err in outputs)
    finish(start("pretrain", line))
    assert_equal(tmp_path, whole)


def test_two_workers_fine_tune_as_one_process(start, tmp_path):
    settings = ["depth=1", "compute=auto", "max_test_images=17", "batch_size=8"]
    settings += ["steps_per_epoch=4"]
    folders = tmp_path / "one", tmp_path / "two"
    lines = [command(path, *settings, recipe="finetune_demo") for path in folders]
    lines[1] += ["steps_per_execution=2"]  # of three steps that test
    alone = finetune.main(lines[0])
    (first, _), _ = finish(start("finetune", lines[1]))
    together = json.loads(first.splitlines()[-1])
    assert_same(*folders)
    for name in ("loss", "top1", "val_loss", "test_loss", "test_top1", "test_top5"):
        assert together[name] == pytest.approx(alone[name], abs=2e-6)
