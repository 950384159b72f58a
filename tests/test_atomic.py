import os
import stat

import pytest

from keras_mae.atomic import new_directory, new_file, new_files, remove_leftovers
from keras_mae.program import InputError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_directory_appears_when_it_is_complete(tmp_path):
    with new_directory(tmp_path / "a" / "1") as temporary:
        (temporary / "file").write_text("x")
        assert not (tmp_path / "a" / "1").exists()
    assert names(tmp_path / "a") == ["1"]
    assert names(tmp_path / "a" / "1") == ["file"]


def test_directory_is_as_readable_as_any_other(tmp_path):
    with new_directory(tmp_path / "1"):
        pass
    (tmp_path / "plain").mkdir()
    modes = [stat.S_IMODE(os.stat(tmp_path / n).st_mode) for n in ("1", "plain")]
    assert modes[0] == modes[1]


def test_failure_leaves_nothing_new_and_deletes_nothing_old(tmp_path):
    (tmp_path / "old").write_text("x")
    with (
        pytest.raises(ZeroDivisionError),
        new_directory(tmp_path / "a" / "b" / "1") as temporary,
    ):
        (temporary / "file").write_text(str(1 / 0))
    assert names(tmp_path) == ["old"]


def test_failed_file_leaves_the_old_one(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with (
        pytest.raises(ZeroDivisionError),
        new_file(path, overwrite=True) as temporary,
    ):
        temporary.write_text(str(1 / 0))
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_file_is_replaced_only_on_demand(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(InputError, match="file exists; nothing is overwritten"):
        new_file(path).__enter__()
    with new_file(path, overwrite=True) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


def test_name_taken_during_the_work_is_not_overwritten(tmp_path):
    with (
        pytest.raises(InputError, match="1 exists; nothing is overwritten"),
        new_directory(tmp_path / "1"),
    ):
        (tmp_path / "1").mkdir()
    assert names(tmp_path) == ["1"]


def test_parent_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot make the folder"):
        new_directory(tmp_path / "file" / "1").__enter__()


def test_file_and_companions_appear_together(tmp_path):
    with new_files(tmp_path / "a" / "x.onnx") as folder:
        (folder / "x.onnx").write_text("model")
        (folder / "x.onnx.data").write_text("weights")
        assert list((tmp_path / "a").glob("x*")) == []
    assert names(tmp_path / "a") == ["x.onnx", "x.onnx.data"]


def test_failed_files_leave_the_old_ones(tmp_path):
    (tmp_path / "x").write_text("old")
    with (
        pytest.raises(ZeroDivisionError),
        new_files(tmp_path / "x", overwrite=True) as folder,
    ):
        (folder / "x").write_text(str(1 / 0))
    assert names(tmp_path) == ["x"]


def test_companion_that_exists_keeps_all_away(tmp_path):
    (tmp_path / "x.data").write_text("old")

    def write():
        with new_files(tmp_path / "x") as folder:
            (folder / "x").write_text("new")
            (folder / "x.data").write_text("new")

    with pytest.raises(InputError, match="x.data exists; nothing is overwritten"):
        write()
    assert names(tmp_path) == ["x.data"]


def test_what_killed_runs_leave_is_removed_and_nothing_else(tmp_path):
    for name in ("part-1.npz", "part-2.npz"):
        with new_file(tmp_path / name) as temporary:
            temporary.touch()
        temporary.touch()  # as SIGKILL leaves it
    remove_leftovers(tmp_path / "part-1.npz")
    assert names(tmp_path) == [temporary.name, "part-1.npz", "part-2.npz"]
