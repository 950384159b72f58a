"""A tiny encoder with weights like a trained one's, and what it is exported as."""

import pytest

from export.encoder import perturbed
from export.onnx_file import write_onnx
from export.saved_model import write_saved_model
from keras_mae import ViTEncoder
from training.extraction.extractor import open_extractor


@pytest.fixture(scope="session")
def tiny_encoder():
    sizes = {"image_size": 16, "patch_size": 8, "embed_dim": 16, "depth": 1}
    return perturbed(ViTEncoder(**sizes, num_heads=2))


@pytest.fixture(scope="session")
def keras_file(tiny_encoder, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    tiny_encoder.save(path)
    return path


@pytest.fixture(scope="session")
def saved_model(tiny_encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    return write_saved_model(tiny_encoder, folder / "vit", names=["features"])


@pytest.fixture(scope="session")
def onnx_file(tiny_encoder, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "vit.onnx"
    return write_onnx(tiny_encoder, path, names=["features"])


@pytest.fixture(scope="session")
def pixel_onnx_file(tiny_encoder, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "pixels.onnx"
    return write_onnx(tiny_encoder, path, names=["features"], pixels=True)


@pytest.fixture(scope="session")
def extractor(keras_file):
    return open_extractor(keras_file)
