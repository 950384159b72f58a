"""A disk that is full stops a run with one line, and what was saved is intact."""

import contextlib
import pkgutil
import re
import subprocess

import pytest

import keras_mae
from training import pretrain
from training.checkpoint import checkpoints, newest_checkpoint

EPOCHS = 3


@pytest.fixture
def disk(tmp_path):
    """A folder with a disk of its own, a small one."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def run(workdir):
    line = ["--recipe", "demo", "--data", "demo", "--workdir", str(workdir), "--tiny"]
    settings = ["depth=1", "image_size=28", "compute=auto", f"epochs={EPOCHS}"]
    return pretrain.main([*line, "--set", *settings])


def fill_before(monkeypatch, place, call, filler):
    """Fills the disk before a certain call of a function."""
    owner, _, name = place.rpartition(".")
    owner, calls = pkgutil.resolve_name(owner), []
    function = getattr(owner, name)

    def filling(*args, **kwargs):
        calls.append(name)
        if len(calls) == call:
            fill(filler)
        return function(*args, **kwargs)

    monkeypatch.setattr(owner, name, filling)


def fill(path):
    with contextlib.suppress(OSError), path.open("wb", 0) as file:
        while True:
            file.write(b"0" * 4096)


@pytest.mark.parametrize(
    ("place", "call", "saved"),
    [
        ("training.checkpoint:Checkpoint.on_epoch_end", 3, 2),
        pytest.param("training.pretrain.open_workdir", 1, 0, marks=pytest.mark.slow),
        pytest.param(
            "training.tensorboard_logs:EpochScalars.on_epoch_end",
            *(3, 2),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "training.callbacks:ReconstructionPictures.on_epoch_end",
            *(3, 2),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "training.epoch_table:EpochTable.on_epoch_end",
            *(3, 2),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "training.pretrain.save_for_inference", 1, 3, marks=pytest.mark.slow
        ),
    ],
)
def test_a_full_disk_is_one_line_and_with_room_the_run_goes_on(
    disk, monkeypatch, capsys, place, call, saved
):
    workdir, filler = disk / "run", disk / "filler"
    fill_before(monkeypatch, place, call, filler)
    with pytest.raises(SystemExit, match="1"):
        run(workdir)
    error = capsys.readouterr().err
    (line,) = re.findall("^error: .*", error, re.M)
    assert re.search("No space left|bytes are needed", line), line
    assert "ake room and run the same command again" in line
    assert "Traceback" not in error
    assert newest_checkpoint(workdir).epoch == saved
    assert not (workdir / "model.keras").exists()
    filler.unlink()
    run(workdir)
    assert [saved.epoch for saved in checkpoints(workdir)] == [EPOCHS - 1, EPOCHS]
    lines = (workdir / "logs" / "epochs.csv").read_text().splitlines()
    assert len(lines) == 1 + EPOCHS
    assert keras_mae.load(workdir / "model.keras").built
    assert not list(workdir.glob(".*"))
