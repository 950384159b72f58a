import keras
import numpy as np
import pytest

from keras_mae.layers import ViTEncoder
from keras_mae.models import MaskedAutoencoder, ViTClassifier
from keras_mae.program import InputError
from keras_mae.weights import encoder_of, load, load_encoder

IMAGES = np.random.default_rng(1).normal(size=(2, 32, 24, 3)).astype("float32")


@pytest.fixture
def encoder():
    return ViTEncoder((32, 24), 8, embed_dim=16, depth=1, num_heads=2)


def test_encoder_of_an_encoder_is_itself(encoder):
    assert encoder_of(encoder) is encoder


def test_encoder_in_a_classifier_file_is_found(encoder, tmp_path):
    model = ViTClassifier.from_encoder(encoder, num_classes=3)
    model.save(tmp_path / "model.keras")
    loaded = load_encoder(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(IMAGES), model.encoder(IMAGES))


def test_encoder_in_an_autoencoder_is_found():
    model = MaskedAutoencoder.from_preset("mae_vit_micro_patch4", image_size=(8, 12))
    assert encoder_of(model) is model.encoder


def test_model_without_encoder_is_refused():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(InputError, match="attribute `encoder`.*Received: Sequential"):
        encoder_of(model)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no model file .*absent.keras; expected"):
        load_encoder(tmp_path / "absent.keras")


def test_file_that_keras_cannot_read_is_refused(tmp_path):
    (tmp_path / "model.keras").write_text("no zip")
    with pytest.raises(InputError, match=".*model.keras cannot be read"):
        load_encoder(tmp_path / "model.keras")


def test_files_of_another_kind_are_refused(tmp_path):
    (tmp_path / "weights.bin").write_bytes(b"")
    with pytest.raises(InputError, match=r"must be a \.keras file"):
        load(tmp_path / "weights.bin")
