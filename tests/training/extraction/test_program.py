import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from training import extract, make_tfrecords
from training.extraction.feature_files import read_features

SHORT = ("--rows_per_file", "2")


@pytest.fixture(scope="module")
def npz_data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "data.npz"
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3)).astype("uint8")
    np.savez(path, x_train=images, y_train=np.arange(5) % 2)
    return f"npz:{path}"


def line(model, data, output, *options):
    arguments = ["--model", model, "--data", data, "--output", output, *options]
    return [str(argument) for argument in arguments]


def error_of(capsys, arguments):
    with pytest.raises(SystemExit) as info:
        extract.main(arguments)
    assert info.value.code == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    return errors


def test_program_writes_and_goes_on(onnx_file, npz_data, tmp_path, capsys):
    arguments = line(onnx_file, npz_data, tmp_path, *SHORT)
    extract.main([*arguments, "--shard", "1/2"])
    results = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (results["runtime"], results["files"], results["rows"]) == ("onnx", 2, 3)
    again = extract.main(arguments)
    assert (again["files"], again["files_before"], again["rows"]) == (1, 2, 2)
    np.testing.assert_array_equal(read_features(tmp_path)["label"], [0, 1, 0, 1, 0])
    config = json.loads((tmp_path / "_config.json").read_text())
    assert config["class_names"] == ["0", "1"]
    assert config["examples"] == 5


def test_folder_of_other_features_is_refused(
    onnx_file, keras_file, npz_data, tmp_path, capsys
):
    extract.main(line(onnx_file, npz_data, tmp_path))
    capsys.readouterr()
    for arguments, name in (
        (line(keras_file, npz_data, tmp_path), "model_sha256"),
        (line(onnx_file, npz_data, tmp_path, "--format", "npz"), "format"),
    ):
        error = error_of(capsys, arguments)
        assert name in error
        assert "use another --output" in error


def test_bad_settings_are_one_line_and_leave_nothing(
    onnx_file, npz_data, tmp_path, capsys
):
    output = tmp_path / "out"
    for options, text in (
        (("--shard", "1"), "--shard is I/N, such as 0/4. Received: 1"),
        (("--format", "csv"), "unknown format 'csv'"),
        (("--rows_per_file", "0"), "--rows_per_file is 1 or more"),
    ):
        assert text in error_of(capsys, line(onnx_file, npz_data, output, *options))
    assert "no model at x.onnx" in error_of(capsys, line("x.onnx", npz_data, output))
    assert not output.exists()


def test_records_are_streamed_whoever_reads_them(onnx_file, npz_data, tmp_path):
    records = tmp_path / "records"
    options = ("--data", npz_data, "--output", str(records), "--shards", "2")
    make_tfrecords.main(list(options))
    output = tmp_path / "out"
    for shard in ("0/2", "1/2"):
        data = f"tfrecord:{records}"
        extract.main(line(onnx_file, data, output, "--shard", shard, *SHORT))
    rows = read_features(output)
    np.testing.assert_array_equal(rows["index"], np.arange(5))
    assert rows["id"][4].startswith("record 2 of train-00001-of-00002")
    extract.main(line(onnx_file, npz_data, tmp_path / "npz"))
    of_npz = read_features(tmp_path / "npz")["features"]
    found = sorted(map(tuple, rows["features"].round(4)))
    assert found == sorted(map(tuple, of_npz.round(4)))


@pytest.mark.slow
def test_killed_at_random_moments_and_run_again(keras_file, tmp_path):
    data = tmp_path / "data.npz"
    rng = np.random.default_rng(0)
    np.savez(data, images=rng.integers(0, 256, (3000, 16, 16, 3)).astype("uint8"))
    settings = ("--rows_per_file", "100", "--batch_size", "16")

    def start(output):
        command = line(keras_file, f"npz:{data}", output, *settings)
        return subprocess.Popen(
            [sys.executable, "-m", "training.extract", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(output):
        process = start(output)
        results, errors = process.communicate()
        assert process.returncode == 0, errors
        return json.loads(results.splitlines()[-1])

    output, kills = tmp_path / "killed", 0
    while len(list(output.glob("part-*"))) < 20:
        process = start(output)
        before = len(list(output.glob("part-*")))
        while len(list(output.glob("part-*"))) < before + 3:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.1))
        process.kill()
        _, errors = process.communicate()
        assert process.returncode == -signal.SIGKILL, errors
        kills += 1
    assert kills >= 2
    written = finish(output)
    assert written["files_before"] >= 20
    finish(tmp_path / "whole")
    killed, whole = read_features(output), read_features(tmp_path / "whole")
    np.testing.assert_array_equal(killed["index"], np.arange(3000))
    np.testing.assert_allclose(killed["features"], whole["features"], atol=1e-5)
    assert sorted(os.listdir(output)) == sorted(os.listdir(tmp_path / "whole"))
