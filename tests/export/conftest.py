"""One tiny encoder with weights like a trained one's, and its artifacts."""

import keras
import numpy as np
import pytest

from export.onnx_file import write_onnx
from export.saved_model import write_saved_model
from keras_mae.layers import ViTEncoder


def make_encoder(**overrides):
    """Returns an encoder of 9,904 parameters, none of them zero or one."""
    keras.utils.set_random_seed(0)  # initial weights differ otherwise
    config = {"image_size": (32, 24), "patch_size": 8, "embed_dim": 16, "depth": 2}
    encoder = ViTEncoder(**{**config, "num_heads": 2, **overrides})
    rng = np.random.default_rng(0)
    noisy = [w + 0.1 * rng.normal(size=w.shape) for w in encoder.get_weights()]
    encoder.set_weights(noisy)
    return encoder


@pytest.fixture(scope="session")
def encoder():
    return make_encoder()


@pytest.fixture(scope="session")
def model_file(encoder, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    encoder.save(path)
    return str(path)


@pytest.fixture(scope="session")
def no_encoder_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "dense.keras"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(path)
    return str(path)


@pytest.fixture(scope="session")
def saved_model(encoder, tmp_path_factory):
    return write_saved_model(encoder, tmp_path_factory.mktemp("served") / "vit")


@pytest.fixture(scope="session")
def onnx_file(encoder, tmp_path_factory):
    return write_onnx(encoder, tmp_path_factory.mktemp("onnx") / "vit.onnx")
