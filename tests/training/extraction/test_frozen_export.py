"""What is exported is judged as the Keras model is."""

import numpy as np
import pytest
from PIL import Image

from training import knn, linear_probe
from training.extraction.extractor import open_extractor
from training.extraction.frozen_export import FrozenExport
from training.features import FrozenEncoder, encode

EXPORTS = ["saved_model", "onnx_file", "pixel_onnx_file"]


@pytest.fixture
def folder(tmp_path):
    """Two classes of pictures that brightness tells apart."""
    rng = np.random.default_rng(0)
    for name, level in (("bright", 200), ("dark", 50)):
        (tmp_path / name).mkdir()
        for i in range(10):
            gray = rng.integers(level - 20, level + 20, (16, 16, 3)).astype("uint8")
            Image.fromarray(gray).save(tmp_path / name / f"{i}.png")
    return tmp_path


@pytest.mark.parametrize("export", EXPORTS)
def test_features_are_those_of_the_encoder(request, tiny_encoder, source, export):
    splits, of_data = (source(13), source(5)), (tiny_encoder.preprocessing, 4)
    expected = encode(FrozenEncoder(tiny_encoder, "gap"), splits, *of_data)
    frozen = FrozenExport(open_extractor(request.getfixturevalue(export)))
    received = encode(frozen, splits, *of_data)
    # Pixels are rounded to whole levels for a file that takes these.
    atol = 0.1 if export == "pixel_onnx_file" else 1e-4
    np.testing.assert_allclose(received.train, expected.train, atol=atol)
    np.testing.assert_allclose(received.test, expected.test, atol=atol)
    np.testing.assert_array_equal(received.train_labels, expected.train_labels)


def test_batches_are_no_larger_than_an_export_takes(saved_model):
    extractor = open_extractor(saved_model)
    assert FrozenExport(extractor).batch_size_of_one(10_000) == extractor.max_batch


@pytest.mark.parametrize(
    "export",
    [EXPORTS[0], *(pytest.param(e, marks=pytest.mark.slow) for e in EXPORTS[1:])],
)
def test_programs_judge_exports(request, folder, keras_file, export):
    line = ["--data", f"folder:{folder}", "--set", "k=3"]
    expected = knn.main(["--model", str(keras_file), *line])
    file = str(request.getfixturevalue(export))
    received = knn.main(["--model", file, *line])
    assert received["encoder"] == expected["encoder"]
    assert received["raw_pixels"] == expected["raw_pixels"]
    assert "random_encoder" not in received  # there is no architecture to draw


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--strategy", "mirrored"], "an export runs on one device"),
        (["--set", "pooling=token"], "pools as it was exported"),
    ],
)
def test_bad_input_ends_with_one_line(onnx_file, capsys, arguments, message):
    with pytest.raises(SystemExit, match="2"):
        linear_probe.main(["--model", str(onnx_file), "--data", "demo", *arguments])
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
