"""One tiny encoder with weights like a trained one's, and its artifacts."""

import keras
import numpy as np
import pytest

from export.encoder import perturbed
from export.onnx_file import write_onnx
from export.saved_model import write_saved_model
from keras_mae.layers import ViTEncoder
from keras_mae.models import MaskedAutoencoder, ViTClassifier

AUTOENCODER = {
    "image_size": (32, 24),
    "patch_size": 8,
    "embed_dim": 16,
    "depth": 2,
    "num_heads": 2,
    "decoder_embed_dim": 8,
    "decoder_depth": 1,
    "decoder_num_heads": 2,
}


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
def classifier(encoder):
    """Four classes, pooling `"gap"`, so that `fc_norm` comes after the mean."""
    names = ["ant", "bee", "cat", "dog"]
    model = ViTClassifier.from_encoder(encoder, 4, class_names=names)
    return perturbed(model, seed=1)


@pytest.fixture(scope="session")
def autoencoder():
    keras.utils.set_random_seed(0)
    return perturbed(MaskedAutoencoder(**AUTOENCODER))


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
