import json
import re
import sys

import numpy as np
import pytest
import tensorflow as tf

from export import to_onnx, to_saved_model
from export.manifest import read_manifest

from .conftest import make_encoder
from .programs import error_of


def test_to_saved_model_writes_the_next_version(model_file, tmp_path, capfd):
    (tmp_path / "vit" / "7").mkdir(parents=True)
    output = str(tmp_path / "vit")
    arguments = ["--model", model_file, "--output", output, "--outputs", "features"]
    to_saved_model.main(arguments)
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


def said_by_us(err):
    """Returns stderr without what TensorFlow 2.20 says of devices, unasked."""
    return re.sub("(?m)^(I0000 |WARNING: All log messages before ).*\n", "", err)


def test_to_onnx_writes_and_overwrites_quietly(model_file, tmp_path, capfd):
    path = tmp_path / "vit.onnx"
    path.write_text("old")
    to_onnx.main(["--model", model_file, "--output", str(path), "--overwrite"])
    captured = capfd.readouterr()
    assert json.loads(captured.out.splitlines()[-1])["artifact"] == str(path)
    assert len(captured.out.splitlines()) == 2
    assert said_by_us(captured.err) == ""


def test_to_onnx_takes_all_of_its_options(model_file, tmp_path, capfd):
    path, picture = tmp_path / "vit.onnx", tmp_path / "a.png"
    pixels = np.random.default_rng(0).integers(0, 256, (45, 31, 3)).astype("uint8")
    picture.write_bytes(tf.io.encode_png(pixels).numpy())
    form = ["--outputs", "patch_map", "--input", "uint8", "--image_size", "16", "40"]
    quantize = ["--quantize", "fp16", "--images", str(picture)]
    arguments = ["--model", model_file, "--output", str(path), *form, *quantize]
    to_onnx.main(arguments)
    captured = capfd.readouterr()
    results = json.loads(captured.out.splitlines()[-1])
    assert results["quantization"] == "fp16"
    assert results["min_cosine"] > 0.999
    assert "fp16, cosine " in captured.out
    assert said_by_us(captured.err) == ""
    session = read_manifest(path)["signatures"]["session"]
    assert session["inputs"]["images"]["shape"] == [None, 16, 40, 3]
    assert session["outputs"]["patch_map"]["shape"] == [None, 2, 5, 16]


def test_to_onnx_says_in_one_line_what_it_cannot_do(model_file, tmp_path, capsys):
    arguments = ("--model", model_file, "--output", tmp_path / "vit.onnx")
    line = error_of(capsys, to_onnx, *arguments, "--quantize", "int9")
    assert "unknown quantization 'int9'; did you mean int8?" in line
    line = error_of(capsys, to_onnx, *arguments, "--image_size", "33", "24")
    assert "the nearest size that fits is (32, 24)" in line
    line = error_of(capsys, to_onnx, *arguments, "--outputs", "logits")
    assert "logits is an output of a ViTClassifier" in line
    line = error_of(capsys, to_onnx, *arguments, "--images", tmp_path / "absent.png")
    assert "--images are what --quantize is judged on" in line


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
    for module in ("onnx_file", "onnx_graph"):
        monkeypatch.delitem(sys.modules, f"export.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    arguments = ("--model", model_file, "--output", tmp_path / "vit.onnx")
    line = error_of(capsys, to_onnx, *arguments)
    assert "writing ONNX needs tf2onnx: pip install 'keras-mae[export]'" in line


@pytest.mark.parametrize("program", [to_saved_model, to_onnx])
def test_help_has_examples(program, capsys):
    with pytest.raises(SystemExit):
        program.main(["--help"])
    assert "examples:" in capsys.readouterr().out
