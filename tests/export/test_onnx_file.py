import json

import numpy as np
import onnx
import onnxruntime
import pytest

from export import onnx_file as onnx_file_module
from export.encoder import num_bytes
from export.manifest import manifest_path, read_manifest
from export.onnx_file import write_onnx
from keras_mae.layers import pool
from keras_mae.program import InputError

from .conftest import make_encoder

OPS = {
    "Add",
    "Cast",
    "Concat",
    "Erf",
    "Expand",
    "MatMul",
    "Mul",
    "Neg",
    "Reciprocal",
    "ReduceMean",
    "Reshape",
    "Shape",
    "Slice",
    "Softmax",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Transpose",
}


@pytest.fixture(scope="module")
def model(onnx_file):
    return onnx.load(onnx_file)


def test_axes_are_named_and_sized(model):
    shapes = {
        value.name: [
            d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim
        ]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert shapes == {
        "images": ["batch", 32, 24, 3],
        "features": ["batch", 16],
        "tokens": ["batch", 13, 16],
    }


def test_graph_is_small_and_plain(model):
    assert {node.op_type for node in model.graph.node} <= OPS
    assert len(model.graph.node) <= 150
    assert [o.version for o in model.opset_import if o.domain == ""] == [18]


def test_session_equals_keras_at_any_batch_size(encoder, onnx_file):
    session = onnxruntime.InferenceSession(onnx_file)
    for batch in (1, 2, 5):
        images = np.random.default_rng(batch).normal(size=(batch, 32, 24, 3))
        images = images.astype("float32")
        features, tokens = session.run(["features", "tokens"], {"images": images})
        expected = encoder(images)
        np.testing.assert_allclose(tokens, expected, atol=1e-5)
        np.testing.assert_allclose(features, pool(expected, "gap"), atol=1e-5)


def test_metadata_hold_the_preprocessing(encoder, onnx_file):
    session = onnxruntime.InferenceSession(onnx_file)
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["pooling"] == "gap"
    preprocessing = json.loads(metadata["preprocessing"])
    assert preprocessing["image_size"] == [32, 24]
    assert preprocessing["mean"] == list(encoder.preprocessing.mean)


def test_manifest_lies_beside_the_file(encoder, onnx_file, model):
    assert manifest_path(onnx_file) == onnx_file.parent / "vit.onnx.manifest.json"
    manifest = read_manifest(onnx_file)
    assert manifest["num_nodes"] == len(model.graph.node)
    assert manifest["variable_bytes"] == num_bytes(encoder)
    assert manifest["max_error"] < 1e-5
    assert {"tf2onnx", "onnx", "keras_mae"} <= manifest["versions"].keys()
    images = manifest["signatures"]["session"]["inputs"]["images"]
    assert images == {"dtype": "float32", "shape": [None, 32, 24, 3]}


def test_untrained_model_without_final_norm_exports_its_class_token(tmp_path):
    encoder = make_encoder(final_norm=False, depth=1, dtype="mixed_bfloat16")
    path = write_onnx(encoder, tmp_path / "vit.onnx", pooling="token")
    images = np.ones((1, 32, 24, 3), "float32")
    session = onnxruntime.InferenceSession(path)
    features, tokens = session.run(["features", "tokens"], {"images": images})
    np.testing.assert_array_equal(features, tokens[:, 0])


def test_failing_gate_leaves_the_old_file(encoder, tmp_path, monkeypatch):
    path = tmp_path / "vit.onnx"
    path.write_text("old")

    def fail(model):
        raise RuntimeError("gate")

    monkeypatch.setattr(onnx_file_module, "check_graph", fail)
    with pytest.raises(RuntimeError, match="gate"):
        write_onnx(encoder, path, overwrite=True)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_existing_file_is_refused(encoder, onnx_file):
    with pytest.raises(InputError, match="vit.onnx exists; nothing is overwritten"):
        write_onnx(encoder, onnx_file)


def test_other_endings_are_refused(encoder, tmp_path):
    with pytest.raises(InputError, match="must end in .onnx. Received: .*vit.pb"):
        write_onnx(encoder, tmp_path / "vit.pb")


def test_model_above_two_gigabytes_is_refused(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file_module, "num_bytes", lambda encoder: 5 * 2**29)
    with pytest.raises(InputError, match="ends at 2 GiB and the weights have 2.5"):
        write_onnx(encoder, tmp_path / "vit.onnx")
