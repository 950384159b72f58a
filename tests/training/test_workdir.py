import dataclasses
import errno
import json
import os

import pytest

from keras_mae.program import InputError
from training.workdir import check_writable, open_workdir


@dataclasses.dataclass(frozen=True)
class Settings:
    epochs: int = 3
    shares: tuple[float, ...] = (0.2, 1.0)
    system: str = "mae"


def run_of_an_earlier_version(folder, **settings):
    (folder / "config.json").write_text(json.dumps({"data": "demo", **settings}))


def test_a_run_that_lacks_later_settings_goes_on_with_their_defaults(tmp_path):
    run_of_an_earlier_version(tmp_path, epochs=5)
    settings = Settings(epochs=5)
    assert open_workdir(tmp_path, settings, data="demo") == tmp_path


def test_a_later_setting_that_is_no_default_makes_another_run(tmp_path):
    run_of_an_earlier_version(tmp_path, epochs=3)
    with pytest.raises(InputError, match=r"system \(there 'mae', here 'bert'\)"):
        open_workdir(tmp_path, Settings(system="bert"), data="demo")


def test_input_that_is_not_told_makes_another_run(tmp_path):
    run_of_an_earlier_version(tmp_path)
    with pytest.raises(InputError, match=r"model \(there None, here 'a.keras'\)"):
        open_workdir(tmp_path, Settings(), data="demo", model="a.keras")


def test_inputs_that_earlier_versions_did_not_write_are_the_same(tmp_path):
    run_of_an_earlier_version(tmp_path)
    later = {"examples": 12, "model_sha256": "ab"}
    assert open_workdir(tmp_path, Settings(), data="demo", **later) == tmp_path


def test_other_data_or_another_model_makes_another_run(tmp_path):
    open_workdir(tmp_path, Settings(), data="demo", examples=12, model_sha256="ab")
    with pytest.raises(
        InputError, match=r"configuration: examples \(there 12, here 13"
    ):
        open_workdir(tmp_path, Settings(), data="demo", examples=13, model_sha256="ab")
    with pytest.raises(InputError, match=r"model_sha256 \(there 'ab', here 'cd'\)"):
        open_workdir(tmp_path, Settings(), data="demo", examples=12, model_sha256="cd")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("file/run", "Not a directory"),
        ("/proc/run", "No such file or directory"),
        ("/proc", "No such file or directory"),
    ],
)
def test_a_folder_that_cannot_be_made_is_told_of(tmp_path, name, reason):
    (tmp_path / "file").touch()
    message = rf"--workdir .*{name} cannot be made or written into \({reason}\)"
    with pytest.raises(InputError, match=message):
        open_workdir(tmp_path / name, Settings())


def test_a_full_disk_is_no_fault_of_the_folder(tmp_path, monkeypatch):
    def full_disk(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("training.workdir.write_atomically", full_disk)
    with pytest.raises(OSError, match="No space left"):
        open_workdir(tmp_path / "run", Settings())


def test_a_file_can_be_written_into_folders_that_are_still_to_be_made(tmp_path):
    check_writable(tmp_path / "deep" / "er" / "results.json", "--output")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("folder", "--output .*folder is a folder; expected the name of a file"),
        ("file/results.json", r"cannot be written \(Not a directory: .*file\)"),
        ("/proc/deep/results.json", r"cannot be written \(.*: /proc\)"),
    ],
)
def test_a_file_that_cannot_be_written_is_told_of(tmp_path, name, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=message):
        check_writable(tmp_path / name, "--output")
