import shutil

import numpy as np
import pytest

from export.encoder import perturbed
from export.onnx_file import write_onnx
from keras_mae import ViTClassifier
from keras_mae.program import InputError
from training.extraction.extractor import digest_of, open_extractor

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype("uint8")


def features_of(extractor):
    return extractor(np.stack([extractor.image_input(image) for image in PIXELS]))


def test_every_kind_of_file_gives_the_same_features(
    tiny_encoder, keras_file, saved_model, onnx_file, pixel_onnx_file
):
    expected = tiny_encoder.features(tiny_encoder.preprocessing(PIXELS))
    paths = [keras_file, saved_model, onnx_file, pixel_onnx_file]
    extractors = [open_extractor(path) for path in paths]
    kinds = [extractor.kind for extractor in extractors]
    assert kinds == ["keras", "saved_model", "onnx", "onnx"]
    for extractor in extractors:
        np.testing.assert_allclose(features_of(extractor), expected, atol=1e-5)
        assert extractor.dim == 16
    assert len({digest_of(path) for path in paths}) == 4


def test_features_of_a_classifier_are_normed_as_its_export_norms_them(
    tiny_encoder, tmp_path
):
    classifier = perturbed(ViTClassifier.from_encoder(tiny_encoder, 2))
    classifier.save(tmp_path / "model.keras")
    write_onnx(classifier, tmp_path / "vit.onnx", names=["features"])
    by_keras, by_onnx = (
        features_of(open_extractor(tmp_path / name))
        for name in ("model.keras", "vit.onnx")
    )
    np.testing.assert_allclose(by_keras, by_onnx, atol=1e-5)
    with pytest.raises(InputError, match="trained with pooling 'gap'.*'token'"):
        open_extractor(tmp_path / "model.keras", "token")


def test_class_token_is_the_feature_where_asked_for(tiny_encoder, keras_file):
    tokens = tiny_encoder(tiny_encoder.preprocessing(PIXELS))
    features = features_of(open_extractor(keras_file, "token"))
    np.testing.assert_allclose(features, tokens[:, 0], atol=1e-5)


def test_an_export_has_its_pooling_inside(onnx_file):
    with pytest.raises(InputError, match="pools as it was exported"):
        open_extractor(onnx_file, "gap")


def test_what_is_no_model_is_told(tmp_path, saved_model):
    with pytest.raises(InputError, match="no model at .*absent.onnx"):
        open_extractor(tmp_path / "absent.onnx")
    with pytest.raises(InputError, match="holds versions of a SavedModel; .*/1"):
        open_extractor(saved_model.parent)
    (tmp_path / "broken.onnx").write_bytes(b"\xff\xff")
    with pytest.raises(InputError, match=r"broken.onnx is not a readable ONNX file"):
        open_extractor(tmp_path / "broken.onnx")


def test_saved_models_of_others_are_refused(tmp_path):
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(InputError, match="has no readable assets.extra/manifest.json"):
        open_extractor(tmp_path)


def test_damaged_saved_model_cannot_be_opened(saved_model, tmp_path):
    copy = shutil.copytree(saved_model, tmp_path / "1")
    (copy / "saved_model.pb").write_bytes(b"x")
    with pytest.raises(InputError, match="1 cannot be opened: "):
        open_extractor(copy)


def test_exports_without_features_are_refused(tiny_encoder, tmp_path):
    write_onnx(tiny_encoder, tmp_path / "a.onnx", names=["tokens"])
    with pytest.raises(InputError, match="returns no features, but tokens; export it"):
        open_extractor(tmp_path / "a.onnx")


def test_onnx_files_of_others_are_refused(tmp_path):
    import onnx

    graph = onnx.helper.make_graph([], "empty", [], [])
    onnx.save(onnx.helper.make_model(graph), tmp_path / "a.onnx")
    with pytest.raises(InputError, match="only files of export.to_onnx can be used"):
        open_extractor(tmp_path / "a.onnx")


def test_warm_up_requests_make_no_other_model(saved_model, tmp_path):
    copy = shutil.copytree(saved_model, tmp_path / "1")
    (copy / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"x")
    assert digest_of(copy) == digest_of(saved_model)
    (copy / "variables" / "variables.index").write_bytes(b"x")
    assert digest_of(copy) != digest_of(saved_model)
