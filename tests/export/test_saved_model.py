import json

import numpy as np
import pytest
import tensorflow as tf

from export import saved_model as saved_model_module
from export.manifest import changed_files, read_manifest
from export.saved_graph import check_servable, op_types, read_meta_graph
from export.saved_model import list_versions, version_path, write_saved_model
from keras_mae.program import InputError

from .conftest import make_encoder


def test_folder_is_what_tf_serving_expects(saved_model):
    assert saved_model.name == "1"
    assert {path.name for path in saved_model.iterdir()} == {
        "assets",
        "assets.extra",
        "fingerprint.pb",
        "saved_model.pb",
        "variables",
    }


def test_weights_are_stored_once(encoder, saved_model):
    data = saved_model / "variables" / "variables.data-00000-of-00001"
    weights = 4 * encoder.count_params()
    assert weights <= data.stat().st_size < 1.1 * weights


def test_signatures_are_the_contract(saved_model):
    signatures = read_manifest(saved_model)["signatures"]
    inputs = {name: s["inputs"] for name, s in signatures.items()}
    assert {
        name: (key, info["dtype"], info["shape"])
        for name, tensors in inputs.items()
        for key, info in tensors.items()
    } == {
        "serving_default": ("images", "float32", [None, 32, 24, 3]),
        "serve_uint8": ("images", "uint8", [None, None, None, 3]),
        "serve_bytes": ("image_bytes", "string", [None]),
        "serve_bytes_lenient": ("image_bytes", "string", [None]),
    }
    for name, signature in signatures.items():
        outputs = signature["outputs"]
        if name == "serve_bytes_lenient":
            valid = outputs.pop("valid")
            assert (valid["dtype"], valid["shape"]) == ("bool", [None])
        assert outputs["features"]["shape"] == [None, 16]
        assert outputs["tokens"]["shape"] == [None, 13, 16]
        assert {info["dtype"] for info in outputs.values()} == {"float32"}


def test_graph_is_deterministic_and_servable(saved_model):
    meta_graph = read_meta_graph(saved_model)
    check_servable(meta_graph)
    assert not {op for op in op_types(meta_graph) if "Random" in op}


def test_compiled_functions_are_refused(tmp_path):
    module = tf.Module()
    module.f = tf.function(
        lambda x: x + 1, [tf.TensorSpec((), tf.float32)], jit_compile=True
    )
    tf.saved_model.save(module, str(tmp_path))
    with pytest.raises(RuntimeError, match="functions compiled by XLA"):
        check_servable(read_meta_graph(tmp_path))


def test_python_calls_are_refused(tmp_path):
    module = tf.Module()
    spec = tf.TensorSpec((), tf.float32)
    module.f = tf.function(lambda x: tf.numpy_function(np.abs, [x], tf.float32), [spec])
    tf.saved_model.save(module, str(tmp_path))
    with pytest.raises(RuntimeError, match="calls back into Python"):
        check_servable(read_meta_graph(tmp_path))


def test_manifest_tells_what_was_written(encoder, saved_model):
    manifest = read_manifest(saved_model)
    config = json.loads(json.dumps(encoder.preprocessing.get_config()))
    assert manifest["preprocessing"] == config
    assert manifest["pooling"] == "gap"
    assert manifest["num_parameters"] * 4 == manifest["variable_bytes"]
    assert 0 < manifest["max_error"] < 1e-5
    assert manifest["versions"]["tensorflow"] == tf.__version__
    fingerprint = tf.saved_model.experimental.read_fingerprint(str(saved_model))
    assert manifest["fingerprint"] == fingerprint.singleprint()
    assert changed_files(saved_model, manifest) == []


def test_mixed_precision_model_is_served_in_float32(tmp_path):
    mixed = make_encoder(dtype="mixed_bfloat16", depth=1)
    path = write_saved_model(mixed, tmp_path / "vit")
    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    images = np.random.default_rng(0).normal(size=(2, 32, 24, 3)).astype("float32")
    tokens = serve(images=tf.constant(images))["tokens"]
    assert tokens.dtype == "float32"
    expected = make_encoder(depth=1)
    expected.set_weights(mixed.get_weights())
    np.testing.assert_allclose(tokens, expected(images), atol=1e-5)


def test_next_version_follows_the_highest(tmp_path):
    for name in ("3", "010", "x", ".12.tmp", "1.5"):
        (tmp_path / name).mkdir()
    assert list_versions(tmp_path) == [3, 10]
    assert version_path(tmp_path) == tmp_path / "11"
    assert version_path(tmp_path, 4) == tmp_path / "4"
    assert version_path(tmp_path / "absent") == tmp_path / "absent" / "1"


def test_existing_version_is_refused(encoder, saved_model):
    with pytest.raises(InputError, match="has a version 1 already.*free one is 2"):
        write_saved_model(encoder, saved_model.parent, version=1)


def test_negative_version_is_refused(tmp_path):
    with pytest.raises(InputError, match="versions count from 0"):
        version_path(tmp_path, -1)


def test_output_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "vit").write_text("x")
    with pytest.raises(InputError, match="is a file; expected the folder"):
        version_path(tmp_path / "vit")


def test_model_that_differs_when_loaded_never_appears(encoder, tmp_path, monkeypatch):
    wrong = lambda *args: {"features": np.inf, "tokens": np.zeros((1, 13, 16))}  # noqa: E731
    monkeypatch.setattr(saved_model_module, "expected_outputs", wrong)
    monkeypatch.setattr(saved_model_module, "max_error", lambda *args: float("nan"))
    monkeypatch.setattr(saved_model_module, "min_cosine", lambda *args: 0.0)
    with pytest.raises(RuntimeError, match="differs from Keras by nan"):
        write_saved_model(encoder, tmp_path / "vit")
    assert list(tmp_path.iterdir()) == []
