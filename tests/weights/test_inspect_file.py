import json

import pytest

from keras_mae import cli
from keras_mae.weights import inspect_file

from ..parity.golden import FOLDER


def test_the_report_is_printed_and_its_json_comes_last(capsys):
    results = inspect_file.main([str(FOLDER / "hf")])
    *text, last = capsys.readouterr().out.splitlines()
    assert "transformers 5 saves" in "\n".join(text)
    assert results["config"]["num_heads"] == 4
    assert json.loads(last)["norm_pix_loss"] is False


def test_the_command_runs_it(capsys):
    cli.main(["inspect", str(FOLDER / "vit_gap.pth")])
    assert "classifier of 7 classes" in capsys.readouterr().out


def test_bad_files_are_one_line_and_status_2(tmp_path, capsys):
    (tmp_path / "a.pth").write_bytes(b"no weights")
    with pytest.raises(SystemExit, match="2"):
        inspect_file.main([str(tmp_path / "a.pth")])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "a.pth is not a file of torch.save" in line
