import keras
import numpy as np
import pytest

from export.encoder import (
    check_pooling,
    encoder_of,
    in_float32,
    load_encoder,
    num_bytes,
    perturbed,
)
from keras_mae.models import MaskedAutoencoder, ViTClassifier
from keras_mae.program import InputError

from .conftest import make_encoder

IMAGES = np.random.default_rng(1).normal(size=(2, 32, 24, 3)).astype("float32")


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
    with pytest.raises(InputError, match="Keras cannot load .*model.keras: "):
        load_encoder(tmp_path / "model.keras")


def test_unknown_pooling_names_the_near_one():
    with pytest.raises(
        InputError, match="unknown pooling 'tokens'; did you mean token"
    ):
        check_pooling("tokens")


def test_float32_encoder_is_not_copied(encoder):
    assert in_float32(encoder) is encoder


def test_mixed_encoder_is_rebuilt_in_float32():
    mixed = make_encoder(dtype="mixed_bfloat16")
    copy = in_float32(mixed)
    assert copy(IMAGES).dtype == "float32"
    assert copy.compute_dtype == copy.blocks[0].attn.qkv.compute_dtype == "float32"
    np.testing.assert_array_equal(copy.get_weights()[1], mixed.get_weights()[1])


def test_perturbed_copy_differs_in_every_weight(encoder):
    fresh = make_encoder()
    fresh.set_weights([np.ones_like(w) for w in fresh.get_weights()])
    for before, after in zip(
        fresh.get_weights(), perturbed(fresh).get_weights(), strict=True
    ):
        assert 0.05 < np.std(after - before) < 0.2
    np.testing.assert_array_equal(fresh.get_weights()[0], 1)


def test_num_bytes_counts_four_a_parameter(encoder):
    assert num_bytes(encoder) == 4 * encoder.count_params()
