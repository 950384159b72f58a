import json

import numpy as np
import onnx
import onnxruntime
import pytest

from export import onnx_file as onnx_file_module
from export import onnx_gates
from export.encoder import num_bytes
from export.manifest import data_path, hash_weights, manifest_path, read_manifest
from export.onnx_file import write_onnx
from export.verification import verify_artifacts
from keras_mae.layers import pool
from keras_mae.program import InputError, RunError

from .conftest import make_encoder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def metadata_of(path):
    return onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map


def test_session_equals_keras_at_any_batch_size(encoder, onnx_file):
    session = onnxruntime.InferenceSession(onnx_file)
    for batch in (1, 2, 5):
        images = np.random.default_rng(batch).normal(size=(batch, 32, 24, 3))
        images = images.astype("float32")
        features, tokens = session.run(["features", "tokens"], {"images": images})
        expected = encoder(images)
        np.testing.assert_allclose(tokens, expected, atol=1e-5)
        np.testing.assert_allclose(features, pool(expected, "gap"), atol=1e-5)


def test_metadata_tell_what_the_file_is(encoder, onnx_file):
    metadata = metadata_of(onnx_file)
    assert metadata["pooling"] == "gap"
    preprocessing = json.loads(metadata["preprocessing"])
    assert preprocessing["image_size"] == [32, 24]
    assert preprocessing["mean"] == list(encoder.preprocessing.mean)
    assert json.loads(metadata["signature"])["outputs"]["features"]["shape"] == [
        None,
        16,
    ]
    assert metadata["weights_sha256"] == hash_weights(encoder)
    assert metadata["weights_sha256"] != hash_weights(make_encoder(depth=1))


def test_manifest_lies_beside_the_file(encoder, onnx_file):
    assert manifest_path(onnx_file) == onnx_file.parent / "vit.onnx.manifest.json"
    manifest = read_manifest(onnx_file)
    assert manifest["num_nodes"] == len(onnx.load(onnx_file).graph.node)
    assert manifest["variable_bytes"] == num_bytes(encoder)
    assert manifest["max_error"] < 1e-5
    assert manifest["quantization"] is None
    assert manifest["opset"] == 18
    assert {"tf2onnx", "onnx", "onnxscript", "keras_mae"} <= manifest["versions"].keys()
    images = manifest["signatures"]["session"]["inputs"]["images"]
    assert images == {"dtype": "float32", "shape": [None, 32, 24, 3]}


def test_untrained_model_without_final_norm_exports_its_class_token(tmp_path):
    encoder = make_encoder(final_norm=False, depth=1, dtype="mixed_bfloat16")
    path = write_onnx(encoder, tmp_path / "vit.onnx", pooling="token")
    images = np.ones((1, 32, 24, 3), "float32")
    session = onnxruntime.InferenceSession(path)
    features, tokens = session.run(["features", "tokens"], {"images": images})
    np.testing.assert_array_equal(features, tokens[:, 0])


@pytest.mark.parametrize(("method", "share"), [("int8", 0.45), ("fp16", 0.7)])
def test_quantized_file_is_smaller_near_and_verified(method, share, tmp_path):
    encoder = make_encoder(embed_dim=64, image_size=16)
    path = write_onnx(encoder, tmp_path / "vit.onnx", quantization=method)
    manifest = read_manifest(path)
    assert manifest["quantization"] == method
    assert 0.999 <= manifest["min_cosine"] < 1 - 1e-9
    assert path.stat().st_size < num_bytes(encoder) * (
        0.45 if method == "int8" else 0.7
    )
    ops = {node.op_type for node in onnx.load(path).graph.node}
    assert ("MatMulInteger" in ops) == (method == "int8")
    (row,) = verify_artifacts(encoder, [path])
    assert row["ok"]
    assert row["min_cosine"] >= 0.999
    assert row["max_error"] > 1e-5
    assert metadata_of(path)["weights_sha256"] == hash_weights(encoder)
    assert names(tmp_path) == ["vit.onnx", "vit.onnx.manifest.json"]


def test_quantized_products_fit_into_16_bits_in_pairs(encoder, tmp_path):
    # A CPU without VNNI adds two products of 8 bits before it widens them.
    path = write_onnx(encoder, tmp_path / "vit.onnx", quantization="int8")
    stored = map(onnx.numpy_helper.to_array, onnx.load(path).graph.initializer)
    weights = [w.astype(int) for w in stored if w.dtype == np.int8 and w.ndim == 2]
    assert weights
    for weight in weights:
        assert 2 * 255 * np.abs(weight).max() < 2**15


def test_weights_above_the_limit_lie_beside_the_file(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file_module, "MAX_BYTES", 1000)
    path = write_onnx(encoder, tmp_path / "vit.onnx")
    assert names(tmp_path) == ["vit.onnx", "vit.onnx.data", "vit.onnx.manifest.json"]
    assert set(read_manifest(path)["files"]) == {"vit.onnx", "vit.onnx.data"}
    assert data_path(path).stat().st_size > 0.9 * num_bytes(encoder)
    (row,) = verify_artifacts(encoder, [path])
    assert row["ok"]
    assert row["bytes"] > num_bytes(encoder)
    with open(data_path(path), "ab") as file:
        file.write(b"x")
    (row,) = verify_artifacts(encoder, [path])
    assert row["problem"] == "changed since the export: vit.onnx.data"
    data_path(path).unlink()
    (row,) = verify_artifacts(encoder, [path])
    assert row["problem"] == "changed since the export: vit.onnx, vit.onnx.data"


def test_large_file_is_quantized_and_its_old_data_go(encoder, tmp_path, monkeypatch):
    path = tmp_path / "vit.onnx"
    data_path(path).write_text("of an older file")
    monkeypatch.setattr(onnx_file_module, "MAX_BYTES", 1000)
    write_onnx(encoder, path, quantization="fp16", overwrite=True)
    assert names(tmp_path) == ["vit.onnx", "vit.onnx.manifest.json"]
    write_onnx(encoder, path, quantization="int8", overwrite=True)
    (row,) = verify_artifacts(encoder, [path])
    assert row["ok"]


@pytest.mark.parametrize("image_size", [(32, 24), (16, 40)])
def test_file_takes_pixels_of_another_size(encoder, tmp_path, image_size):
    path = write_onnx(
        encoder, tmp_path / "vit.onnx", pixels=True, image_size=image_size
    )
    images = read_manifest(path)["signatures"]["session"]["inputs"]["images"]
    assert images == {"dtype": "uint8", "shape": [None, *image_size, 3]}
    (row,) = verify_artifacts(encoder, [path])
    assert row["ok"]
    assert row["max_error"] < 1e-5


def raise_gate(*args, **kwargs):
    raise RuntimeError("gate")


@pytest.mark.parametrize("gate", ["check_graph", "check_parity", "check_cosine"])
def test_failing_gate_leaves_the_old_files_and_no_new_one(
    encoder, tmp_path, monkeypatch, gate
):
    for name in ("vit.onnx", "vit.onnx.data", "vit.onnx.manifest.json"):
        (tmp_path / name).write_text("old")
    before = names(tmp_path)
    monkeypatch.setattr(onnx_file_module, gate, raise_gate)
    with pytest.raises(RuntimeError, match="gate"):
        write_onnx(encoder, tmp_path / "vit.onnx", quantization="int8", overwrite=True)
    assert names(tmp_path) == before
    assert all((tmp_path / name).read_text() == "old" for name in before)


def test_model_that_int8_ruins_is_refused(tmp_path, monkeypatch):
    encoder = make_encoder()
    kernel = encoder.blocks[0].mlp.fc2.kernel
    values = np.array(kernel)
    values[0] *= 3000  # an outlier that leaves one level to the others
    kernel.assign(values)
    with pytest.raises(RunError, match="loses too much in this precision"):
        write_onnx(encoder, tmp_path / "vit.onnx", quantization="int8")
    assert names(tmp_path) == []


def test_perturbed_weights_are_compared_too(encoder, tmp_path, monkeypatch):
    models = []

    def note(file, outputs, pixels):
        models.append(outputs.model)
        return onnx_gates.check_parity(file, outputs, pixels)

    monkeypatch.setattr(onnx_file_module, "check_parity", note)
    write_onnx(encoder, tmp_path / "vit.onnx")
    assert [model is encoder for model in models] == [False, True]


def test_existing_file_is_refused(encoder, onnx_file):
    with pytest.raises(InputError, match="vit.onnx exists; nothing is overwritten"):
        write_onnx(encoder, onnx_file)


def test_other_endings_are_refused(encoder, tmp_path):
    with pytest.raises(InputError, match="must end in .onnx. Received: .*vit.pb"):
        write_onnx(encoder, tmp_path / "vit.pb")


def test_unknown_quantization_names_the_near_one(encoder, tmp_path):
    with pytest.raises(InputError, match="unknown quantization 'int4'; did you mean"):
        write_onnx(encoder, tmp_path / "vit.onnx", quantization="int4")
