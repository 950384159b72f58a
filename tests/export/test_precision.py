import numpy as np
import pytest

from export import saved_model as saved_model_module
from export.manifest import read_manifest
from export.outputs import available_outputs
from export.precision import in_bfloat16
from export.saved_model import write_saved_model
from export.verification import verify_artifacts
from keras_mae.program import InputError


def test_products_are_bfloat16_and_the_ends_float32(autoencoder):
    copy = in_bfloat16(autoencoder)
    dtypes = {weight.path: weight.dtype for weight in copy.weights}
    kernels = {path for path in dtypes if path.endswith("kernel")}
    ends = {path for path in kernels if "patch_embed" in path or "_pred" in path}
    assert len(ends) == 2
    assert {dtypes[path] for path in ends} == {"float32"}
    assert {dtypes[path] for path in kernels - ends} == {"bfloat16"}
    norms = {path for path in dtypes if path.endswith("gamma")}
    assert {dtypes[path] for path in norms} == {"float32"}
    assert copy.encoder.blocks[0].attn.qkv.compute_dtype == "bfloat16"
    np.testing.assert_allclose(
        copy.get_weights()[1], autoencoder.get_weights()[1], rtol=1e-6
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classifier", "autoencoder"])
def test_bfloat16_is_smaller_and_near(kind, request, tmp_path):
    model = request.getfixturevalue(kind)
    names = available_outputs(model)
    path = write_saved_model(model, tmp_path / "vit", precision="bfloat16", names=names)
    manifest = read_manifest(path)
    assert manifest["quantization"] == "bfloat16"
    assert 0.999 < manifest["min_cosine"] < 1 - 1e-7
    assert manifest["variable_bytes"] < 0.75 * 4 * manifest["num_parameters"]
    for signature in manifest["signatures"].values():
        dtypes = {info["dtype"] for info in signature["outputs"].values()}
        assert dtypes <= {"float32", "string", "bool"}
    rows = verify_artifacts(model, [path])
    assert all(row["ok"] for row in rows)
    assert min(row["min_cosine"] for row in rows) > 0.999
    assert max(row["max_error"] for row in rows) > 1e-4


def test_result_that_is_not_near_never_appears(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(saved_model_module, "min_cosine", lambda *pair: 0.9)
    with pytest.raises(RuntimeError, match="in bfloat16 differs from Keras: a cosine"):
        write_saved_model(encoder, tmp_path / "vit", precision="bfloat16")
    assert list(tmp_path.iterdir()) == []


def test_unknown_precision_is_refused(encoder, tmp_path):
    with pytest.raises(InputError, match="unknown precision 'bfloat1'; did you mean b"):
        write_saved_model(encoder, tmp_path / "vit", precision="bfloat1")
