"""The pipeline on Beam's DirectRunner, which runs in this process."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from training import extract_beam
from training.extraction.artifact import ImageInput, read_artifact

pytestmark = [  # Beam asks ONNX Runtime for a GPU, and leaves files open
    pytest.mark.filterwarnings("ignore:Specified provider:UserWarning"),
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
]


@pytest.fixture
def beam():
    return pytest.importorskip("apache_beam")


def grays(count):
    shades = np.arange(count)[:, None, None, None] * 20
    return (shades + np.zeros((count, 16, 16, 3))).astype("uint8")


def png(pixels):
    return tf.io.encode_png(pixels).numpy()


def example(encoded, label):
    integers, content = tf.train.Int64List(value=[label]), [encoded]
    features = {
        "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=content)),
        "image/class/label": tf.train.Feature(int64_list=integers),
    }
    features = tf.train.Features(feature=features)
    return tf.train.Example(features=features).SerializeToString()


def write_records(folder, count, broken=()):
    """Writes half of the examples into each of two files."""
    for file in range(2):
        path = str(folder / f"train-0000{file}-of-00002")
        with tf.io.TFRecordWriter(path) as writer:
            for number in range(file * count // 2, (file + 1) * count // 2):
                pixels = grays(count)[number]
                encoded = b"no picture" if number in broken else png(pixels)
                writer.write(example(encoded, number % 3))
    return f"tfrecord:{folder}/train-*"


def rows_in(folder):
    """Returns the rows by file, and record in it, as columns."""
    rows = pq.read_table(folder).to_pylist()
    rows.sort(key=lambda row: row["id"].split(" of ")[::-1])
    return {name: [row[name] for row in rows] for name in rows[0]}


def run(model, data, output, *options):
    arguments = ["--model", model, "--data", data, "--output", output, *options]
    return extract_beam.main([str(argument) for argument in arguments])


def expected(extractor, pixels):
    return extractor(np.stack([extractor.image_input(image) for image in pixels]))


@pytest.mark.parametrize("kind", ["onnx", "pixels", "saved_model"])
def test_records_become_rows(beam, request, extractor, tmp_path, capsys, kind):
    name = {"onnx": "onnx_file", "pixels": "pixel_onnx_file"}.get(kind, "saved_model")
    model = request.getfixturevalue(name)
    data, output = write_records(tmp_path, 8), tmp_path / "out"
    run(model, data, output, "--batch_size", "3")
    results = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (results["state"], results["rows"], results["unreadable"]) == ("DONE", 8, 0)
    rows = rows_in(output)
    assert rows["id"][5] == "record 1 of train-00001-of-00002"
    assert rows["label"] == [0, 1, 2, 0, 1, 2, 0, 1]
    features = expected(extractor, grays(8))
    np.testing.assert_allclose(rows["features"], features, atol=1e-5)


def test_files_become_rows_without_labels(beam, onnx_file, extractor, tmp_path):
    for number, pixels in enumerate(grays(4)):
        path = tmp_path / "data" / f"{number}.png"
        tf.io.write_file(str(path), png(pixels))
    run(onnx_file, f"files:{tmp_path}/data/*.png", tmp_path / "out")
    rows = rows_in(tmp_path / "out")
    assert rows["id"] == [str(tmp_path / "data" / f"{n}.png") for n in range(4)]
    assert rows["label"] == [-1] * 4
    features = expected(extractor, grays(4))
    np.testing.assert_allclose(rows["features"], features, atol=1e-5)


def test_what_cannot_be_read_is_left_out_by_name(beam, onnx_file, tmp_path):
    data, output = write_records(tmp_path, 8, broken=[1]), tmp_path / "out"
    path = tmp_path / "train-00001-of-00002"
    path.write_bytes(path.read_bytes()[:-20])  # the last record has no end
    results = run(onnx_file, data, output)
    assert (results["rows"], results["unreadable"]) == (6, 2)
    (named,) = (file.read_text() for file in output.glob("_unreadable-*.txt"))
    assert sorted(named.splitlines()) == [
        "record 1 of train-00000-of-00002",
        "record 3 of train-00001-of-00002 and all after it",
    ]
    assert len(rows_in(output)["id"]) == 6


def error_of(capsys, *arguments):
    with pytest.raises(SystemExit) as info:
        run(*arguments)
    assert info.value.code == 2
    return capsys.readouterr().err


def test_bad_input_is_one_line(beam, onnx_file, saved_model, tmp_path, capsys):
    data, output = write_records(tmp_path, 2), tmp_path / "out"
    for arguments, text in (
        ((tmp_path / "a.keras", data, output), "no export at "),
        ((onnx_file, "folder:x", output), "unknown kind of data 'folder'"),
        ((onnx_file, "files:x/*.png", output), "no files match 'x/*.png'"),
        ((saved_model, data, output, "--batch_size", "999"), "is 1 to 256, as the"),
    ):
        assert text in error_of(capsys, *arguments)
    output.mkdir()
    (output / "part-00000-of-00001.parquet").touch()
    assert "holds features already" in error_of(capsys, onnx_file, data, output)


def test_without_beam_the_program_names_its_extra(onnx_file, monkeypatch, capsys):
    module = "training.extraction.beam_pipeline"
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    error = error_of(capsys, onnx_file, "files:x", "y")
    assert "pip install 'keras-mae[beam]'" in error


def test_input_of_an_export_is_pickled_for_other_machines(pixel_onnx_file):
    image_input = read_artifact(pixel_onnx_file).image_input
    copy = pickle.loads(pickle.dumps(image_input))
    assert isinstance(copy, ImageInput)
    pixels = grays(4)[3]
    np.testing.assert_array_equal(copy(pixels), image_input(pixels))


@pytest.mark.slow
def test_processes_share_the_work(beam, saved_model, extractor, tmp_path):
    data, output = write_records(tmp_path, 8), tmp_path / "out"
    command = ["--model", str(saved_model), "--data", data, "--output", str(output)]
    command += ["--direct_running_mode", "multi_processing"]
    command += ["--direct_num_workers", "2"]
    process = subprocess.run(
        [sys.executable, "-m", "training.extract_beam", *command],
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    features = expected(extractor, grays(8))
    np.testing.assert_allclose(rows_in(output)["features"], features, atol=1e-5)
