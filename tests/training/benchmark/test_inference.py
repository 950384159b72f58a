"""Features: what is exported and timed, beside whom, and what goes wrong."""

import numpy as np
import onnxruntime
import pytest

import keras_mae
from keras_mae.program import RunError
from training.benchmark import encoder, exports, inference
from training.benchmark.__main__ import main
from training.benchmark.processes import Contestant
from training.benchmark.worker import load

TINY = ["--inference", "--tiny", "--rounds", "1", "--steps", "1", "--threads", "1"]
SMALL = ["image_size=8", "patch_size=4", "depth=1"]


@pytest.fixture
def file(tmp_path):
    """A file of an encoder with positions and tokens other than 0."""
    path = tmp_path / "encoder.keras"
    keras_mae.ViTEncoder(8, 4, 3, 8, depth=1, num_heads=2).save(path)
    return str(path)


def test_keras_features_are_timed(file):
    description, measure = encoder.features(file)
    assert description["sizes"]["image_size"] == [8, 8]
    assert len(measure(steps=2, batch_size=3)["seconds"]) == 2


def test_stock_layers_are_converted_as_they_compute(file, tmp_path):
    output = str(tmp_path / "plain.onnx")
    description, measure = encoder.plain_onnx(file, output)
    assert measure is None
    assert "keras_mae" not in description["versions"]
    session = onnxruntime.InferenceSession(output)
    images = np.ones((2, 8, 8, 3), "float32")
    (features,) = session.run(None, {"images": images})
    assert features.shape == (2, 8)
    # Whatever the file, its time is measured on images of a given shape.
    _, timed = load("export.timed:timed")(output, [8, 8, 3])
    assert len(timed(steps=2, batch_size=1)["seconds"]) == 2


@pytest.mark.usefixtures("local")
def test_batches_and_peers_are_timed_beside_the_float_file(monkeypatch):
    monkeypatch.setattr(exports, "_export", lambda *arguments: None)
    monkeypatch.setattr(inference, "_contestants", only_keras)
    monkeypatch.setattr(inference, "REFERENCE", "keras")
    results = main([*TINY, "--batch_size", "1", "3", "--set", *SMALL])
    assert results["settings"]["embed_dim"] == 32
    parts = results["results"]
    assert [(part["threads"], part["batch_size"]) for part in parts] == [(1, 1), (1, 3)]
    for part in parts:
        keras, ceiling = part["contestants"]
        assert keras["milliseconds"]["median"] > 0
        assert ceiling["name"] == "ceiling, float32"


def only_keras(file, artifacts, sizes, threads):
    assert list(artifacts) == list(exports.ARTIFACTS)
    function = f"{exports.ENCODER}:features"
    return [Contestant("keras", function, {"file": file}, threads)]


def test_an_export_that_fails_tells_its_last_line():
    with pytest.raises(RunError, match="export.reader ended with status 1: TypeError"):
        exports._export("reader")


@pytest.mark.slow
def test_all_of_ours_are_exported_and_timed():
    results = main([*TINY, "--batch_size", "2", "--peers", "plain", "--set", *SMALL])
    (part,) = results["results"]
    names = [row["name"] for row in part["contestants"]]
    ours = ["keras", "saved_model", "saved_model_bfloat16", "onnx", "onnx_int8"]
    assert names == [*ours, "plain", "ceiling, float32"]
    assert [row["name"] for row in part["contestants"] if "ratio" not in row] == [
        "onnx",
        "ceiling, float32",
    ]
