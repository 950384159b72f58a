import json
import re
import sys

import pytest

from export import to_onnx, to_saved_model

from .conftest import make_encoder


def last_json(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def error_of(capsys, program, *arguments):
    """Runs a program on bad input and returns the one line of its error."""
    with pytest.raises(SystemExit) as exit_info:
        program.main([str(argument) for argument in arguments])
    assert exit_info.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_to_saved_model_writes_the_next_version(model_file, tmp_path, capfd):
    (tmp_path / "vit" / "7").mkdir(parents=True)
    output = str(tmp_path / "vit")
    to_saved_model.main(["--model", model_file, "--output", output, "--no-tokens"])
    captured = capfd.readouterr()
    results = json.loads(captured.out.splitlines()[-1])
    assert results["artifact"] == f"{output}/8"
    assert results["max_error"] < 1e-5
    assert "9,904 parameters" in captured.out
    assert len(captured.out.splitlines()) == 2
    assert captured.err == ""


def test_to_saved_model_says_when_bytes_are_left_out(tmp_path, capsys):
    make_encoder(num_channels=2, depth=1).save(tmp_path / "model.keras")
    arguments = ["--model", str(tmp_path / "model.keras"), "--pooling", "token"]
    to_saved_model.main([*arguments, "--output", str(tmp_path / "vit")])
    assert "serve_bytes was left out: " in capsys.readouterr().out


def test_to_onnx_writes_and_overwrites_quietly(model_file, tmp_path, capfd):
    path = tmp_path / "vit.onnx"
    path.write_text("old")
    to_onnx.main(["--model", model_file, "--output", str(path), "--overwrite"])
    captured = capfd.readouterr()
    assert json.loads(captured.out.splitlines()[-1])["artifact"] == str(path)
    assert len(captured.out.splitlines()) == 2
    # TensorFlow 2.20 says what devices it has, whatever it is told.
    assert re.sub("(?m)^I0000 .*\n", "", captured.err) == ""


@pytest.mark.parametrize("program", [to_saved_model, to_onnx])
def test_bad_models_and_pooling_are_one_line(
    program, model_file, no_encoder_file, tmp_path, capsys
):
    output = ("--output", tmp_path / "new" / "vit.onnx")
    line = error_of(capsys, program, "--model", "absent.keras", *output)
    assert line.startswith("error: no model file absent.keras")
    line = error_of(capsys, program, "--model", no_encoder_file, *output)
    assert "Received: Sequential" in line
    arguments = ("--model", model_file, *output, "--pooling", "mean")
    assert "unknown pooling 'mean'" in error_of(capsys, program, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_existing_version_is_one_line(model_file, saved_model, capsys):
    arguments = ("--model", model_file, "--output", saved_model.parent)
    line = error_of(capsys, to_saved_model, *arguments, "--version", "1")
    assert "has a version 1 already" in line


def test_onnx_output_is_checked(model_file, onnx_file, capsys):
    model = ("--model", model_file)
    line = error_of(capsys, to_onnx, *model, "--output", onnx_file)
    assert "exists; nothing is overwritten" in line
    line = error_of(capsys, to_onnx, *model, "--output", "vit.pb")
    assert "must end in .onnx" in line


def test_missing_converter_says_what_to_install(
    model_file, tmp_path, capsys, monkeypatch
):
    monkeypatch.delitem(sys.modules, "export.onnx_file", raising=False)
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    arguments = ("--model", model_file, "--output", tmp_path / "vit.onnx")
    line = error_of(capsys, to_onnx, *arguments)
    assert "writing ONNX needs tf2onnx: pip install 'keras-mae[export]'" in line


@pytest.mark.parametrize("program", [to_saved_model, to_onnx])
def test_help_has_examples(program, capsys):
    with pytest.raises(SystemExit):
        program.main(["--help"])
    assert "examples:" in capsys.readouterr().out
