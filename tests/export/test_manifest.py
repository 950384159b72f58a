import shutil

import pytest

from export.manifest import changed_files, manifest_path, read_manifest
from keras_mae.program import InputError


def test_changed_and_missing_files_are_named(saved_model, tmp_path):
    copy = shutil.copytree(saved_model, tmp_path / "1")
    manifest = read_manifest(copy)
    (copy / "saved_model.pb").write_bytes(b"x")
    (copy / "variables" / "variables.index").unlink()
    changed = changed_files(copy, manifest)
    assert changed == ["saved_model.pb", "variables/variables.index"]


def test_warm_up_requests_are_no_change(saved_model, tmp_path):
    copy = shutil.copytree(saved_model, tmp_path / "1")
    (copy / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"x")
    assert changed_files(copy, read_manifest(copy)) == []


def test_renamed_onnx_file_is_no_change(onnx_file, tmp_path):
    copy = tmp_path / "other.onnx"
    shutil.copy(onnx_file, copy)
    shutil.copy(manifest_path(onnx_file), manifest_path(copy))
    manifest = read_manifest(copy)
    assert changed_files(copy, manifest) == []
    copy.write_bytes(b"x")
    assert changed_files(copy, manifest) == ["other.onnx"]


def test_artifact_without_manifest_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no manifest at .*assets.extra"):
        read_manifest(tmp_path)


def test_broken_manifest_is_refused(tmp_path):
    manifest_path(tmp_path / "a.onnx").write_text("{")
    with pytest.raises(InputError, match="a.onnx.manifest.json is not JSON"):
        read_manifest(tmp_path / "a.onnx")
