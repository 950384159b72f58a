import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from export import verify
from export.manifest import manifest_path, read_manifest, write_json
from export.outputs import available_outputs
from export.saved_model import write_saved_model
from export.verification import READER, run_fresh, verify_artifacts
from keras_mae.preprocessing import Preprocessing
from keras_mae.program import InputError

from .conftest import make_encoder


def run_verify(*arguments):
    with pytest.raises(SystemExit) as exit_info:
        verify.main([str(argument) for argument in arguments])
    return exit_info.value.code


def last_json(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def copy_onnx(onnx_file, folder):
    shutil.copy(manifest_path(onnx_file), folder)
    return Path(shutil.copy(onnx_file, folder))


def test_program_finds_all_endpoints_equal(
    model_file, saved_model, onnx_file, tmp_path, capsys
):
    picture = tmp_path / "a.jpg"
    pixels = np.random.default_rng(0).integers(0, 256, (45, 31, 3)).astype("uint8")
    picture.write_bytes(tf.io.encode_jpeg(pixels).numpy())
    artifacts = (saved_model, onnx_file)
    status = run_verify("--model", model_file, *artifacts, "--images", picture)
    lines = capsys.readouterr().out.splitlines()
    results = json.loads(lines[-1])["results"]
    assert status == 0
    endpoints = [row["endpoint"] for row in results]
    assert endpoints == [
        "serve_bytes",
        "serve_bytes_lenient",
        "serve_uint8",
        "serving_default",
        "session",
    ]
    assert max(row["max_error"] for row in results) < 1e-5
    assert all(row["latency_ms"] > 0 for row in results)
    assert results[-1]["bytes"] == onnx_file.stat().st_size
    assert lines[0].split()[:2] == ["artifact", "endpoint"]
    assert all(line.endswith("  ok") for line in lines[1:-1])


def test_other_weights_differ(encoder, onnx_file, tmp_path, capsys):
    other = make_encoder()
    other.cls_token.assign(3 * other.cls_token)
    other.save(tmp_path / "other.keras")
    assert run_verify("--model", tmp_path / "other.keras", onnx_file) == 1
    results = last_json(capsys)
    assert results["ok"] is False
    assert results["results"][0]["max_error"] > 0.01


def test_tolerance_decides(encoder, onnx_file):
    (strict,) = verify_artifacts(encoder, [onnx_file], tolerance=1e-12)
    assert not strict["ok"]
    assert strict["problem"] is None


def test_changed_artifact_is_not_run(encoder, onnx_file, tmp_path):
    copy = copy_onnx(onnx_file, tmp_path)
    with open(copy, "ab") as file:
        file.write(b"x")
    (row,) = verify_artifacts(encoder, [copy])
    assert not row["ok"]
    assert row["problem"] == "changed since the export: vit.onnx"


def test_other_preprocessing_is_a_difference(onnx_file):
    other = make_encoder(preprocessing=Preprocessing((32, 24), mean=0.5))
    (row,) = verify_artifacts(other, [onnx_file])
    assert row["problem"] == "the model has another preprocessing: mean"


def test_artifact_that_does_not_load_is_a_difference(encoder, onnx_file, tmp_path):
    copy = copy_onnx(onnx_file, tmp_path)
    manifest = read_manifest(copy)
    copy.write_bytes(b"x")
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    write_json(manifest_path(copy), {**manifest, "files": {"vit.onnx": digest}})
    (row,) = verify_artifacts(encoder, [copy])
    assert row["max_error"] is None
    assert "InvalidProtobuf" in row["problem"]


def test_reader_needs_nothing_of_this_project(saved_model, tmp_path):
    (tmp_path / "keras_mae.py").write_text("raise ImportError('not here')")
    (tmp_path / "export.py").write_text("raise ImportError('not here')")
    images = np.zeros((1, 32, 24, 3), "float32")
    np.savez(tmp_path / "in.npz", **{"serving_default/0/images": images})
    command = [sys.executable, "-P", READER, saved_model, "in.npz", "out.npz"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    with np.load(tmp_path / "out.npz") as outputs:
        assert outputs["serving_default/0/features"].shape == (1, 16)


def test_failing_reader_reports_its_last_line(onnx_file):
    wrong = np.zeros((1, 33, 24, 3), "float32")
    with pytest.raises(RuntimeError, match="^InvalidArgument: .*invalid dimensions"):
        run_fresh(onnx_file, {"session": [{"images": wrong}]})


def test_model_without_byte_signature_is_verified(tmp_path):
    encoder = make_encoder(num_channels=2, depth=1)
    path = write_saved_model(
        encoder, tmp_path / "vit", pooling="token", names=["features"]
    )
    rows = verify_artifacts(encoder, [path])
    assert [row["endpoint"] for row in rows] == ["serve_uint8", "serving_default"]
    assert all(row["ok"] for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classifier", "autoencoder"])
def test_every_signature_of_every_output_is_verified(kind, request, tmp_path):
    model = request.getfixturevalue(kind)
    path = write_saved_model(model, tmp_path / "vit", names=available_outputs(model))
    rows = verify_artifacts(model, [path])
    assert len(rows) == (5 if kind == "autoencoder" else 4)
    assert max(row["max_error"] for row in rows) < 1e-5


def test_model_without_the_outputs_is_refused(encoder, classifier, tmp_path):
    path = write_saved_model(classifier, tmp_path / "vit", names=["logits"])
    with pytest.raises(InputError, match="logits is an output of a ViTClassifier"):
        verify_artifacts(encoder, [path])


def test_folder_of_versions_is_refused(encoder, saved_model):
    with pytest.raises(InputError, match="no saved_model.pb; name the folder of one"):
        verify_artifacts(encoder, [saved_model.parent])


def test_other_files_are_refused(encoder, tmp_path):
    with pytest.raises(InputError, match="neither the folder of a SavedModel nor"):
        verify_artifacts(encoder, [tmp_path / "absent.onnx"])


@pytest.mark.parametrize("missing", ["outputs", "limits"])
def test_manifest_that_tells_too_little_is_refused(
    missing, model_file, saved_model, tmp_path, capsys
):
    copy = shutil.copytree(saved_model, tmp_path / "1")
    manifest = read_manifest(copy)
    del manifest[missing]
    write_json(manifest_path(copy), manifest)
    assert run_verify("--model", model_file, copy) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {manifest_path(copy)} must tell files, ")
    expected, received = line.split(". Received: ")
    assert missing in expected
    assert missing not in received
    assert line.endswith("wrote it: export the model again")


def test_bad_tolerance_ends_with_status_2(model_file, onnx_file, capsys):
    arguments = ("--model", model_file, onnx_file, "--tolerance", "0")
    assert run_verify(*arguments) == 2
    assert (
        capsys.readouterr().err == "error: --tolerance must exceed 0. Received: 0.0\n"
    )
