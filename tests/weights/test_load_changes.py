"""`load` of other packages' files: what becomes another model than the file's."""

import math

import numpy as np
import pytest

import keras_mae
from keras_mae.program import InputError
from keras_mae.weights import load, load_encoder

from ..parity.golden import FOLDER
from .tensors import HEADS, MAE, encoder_tensors
from .weight_files import save_zip, views


def test_an_encoder_becomes_an_autoencoder_when_that_is_allowed(path, capsys):
    save_zip(path, views(encoder_tensors()))
    sizes = {"decoder_embed_dim": 16, "decoder_depth": 1, "decoder_num_heads": 2}
    model = load(path, num_heads=4, allow_missing_decoder=True, **sizes)
    random = "mask_token, decoder_blocks.0, decoder_embed, decoder_norm, decoder_pred"
    assert f"random   {random}\n" in capsys.readouterr().out
    images = np.ones((1, 32, 32, 3), "float32")
    expected = load(path, num_heads=4)(images)
    np.testing.assert_array_equal(model.encoder(images), expected)


def test_a_decoder_that_is_missing_is_not_made_up(path):
    save_zip(path, views(encoder_tensors()))
    with pytest.raises(InputError, match="no mask_ratio.*allow_missing_decoder=True"):
        load(path, num_heads=4, mask_ratio=0.5)


def test_a_classifier_is_no_autoencoder():
    with pytest.raises(InputError, match="classifier of 7 classes, which cannot"):
        load(FOLDER / "vit_cls.pth", num_heads=4, allow_missing_decoder=True)


def test_encoders_come_out_of_all_files():
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    encoder = load_encoder(MAE, num_heads=4)
    assert type(encoder) is keras_mae.ViTEncoder
    np.testing.assert_array_equal(encoder(images), load(MAE, **HEADS).encoder(images))
    assert type(load_encoder(FOLDER / "hf")) is keras_mae.ViTEncoder
    classifier = FOLDER / "vit_gap.pth"
    np.testing.assert_array_equal(
        load_encoder(classifier, num_heads=4)(images),
        load(classifier, num_heads=4).encoder(images),
    )


def test_an_encoder_has_no_arguments_of_a_decoder():
    with pytest.raises(InputError, match="unknown argument 'decoder_num_heads'"):
        load_encoder(MAE, **HEADS)


def test_other_sizes_and_channels(capsys):
    model = load(MAE, **HEADS, image_size=(16, 40), num_channels=4, mask_ratio=0.5)
    fresh = keras_mae.MaskedAutoencoder(
        **{**model.get_config(), "preprocessing": None, "dtype": "float32"}
    )
    for ours, expected in (
        (model.encoder, fresh.encoder),
        (model.decoder, fresh.decoder),
    ):
        np.testing.assert_array_equal(
            ours.positions.pos_embed, expected.positions.pos_embed
        )
    assert model(np.ones((1, 16, 40, 4), "float32"))["pred"].shape == (1, 10, 256)
    text = capsys.readouterr().out
    assert "changed  patch embedding changed: 3 to 4 channels; sin-cos" in text


def test_a_grey_image_has_the_features_of_its_three_equal_channels():
    grey = np.random.default_rng(0).normal(size=(2, 32, 32, 1)).astype("float32")
    tokens = load_encoder(MAE, num_heads=4)(np.repeat(grey, 3, axis=-1))
    for channels in (1, 12):
        encoder = load_encoder(MAE, num_heads=4, num_channels=channels)
        same = encoder(np.repeat(grey, channels, axis=-1))
        np.testing.assert_allclose(same, tokens, atol=1e-5)


def test_positions_of_a_classifier_are_resized():
    model = load(FOLDER / "vit_gap.pth", num_heads=4, image_size=(48, 64))
    assert model.encoder.positions.pos_embed.shape == (1, 49, 48)


@pytest.mark.parametrize(
    ("overrides", "match"),
    [
        ({"embed_dim": 64}, "has embed_dim=48, which cannot be changed"),
        ({"num_head": 4}, "unknown argument 'num_head'; did you mean num_heads"),
        ({"image_size": 33}, "multiple of `patch_size`"),
        ({"num_heads": 5}, "multiple of `num_heads`"),
        ({"num_heads": 0}, "num_heads must exceed 0. Received: num_heads=0"),
        ({"decoder_num_heads": -4}, "decoder_num_heads must exceed 0"),
        ({"num_channels": 0}, "num_channels must exceed 0"),
        ({"layer_norm_eps": -1e-6}, "layer_norm_eps must exceed 0"),
        ({"layer_norm_eps": math.nan}, "layer_norm_eps must exceed 0"),
        ({"mask_ratio": math.nan}, r"`mask_ratio` must lie in \[0, 1\)"),
        ({"image_size": (0, 32)}, r"image_size must exceed 0.*\(0, 32\)"),
        ({"final_norm": True}, "unknown argument 'final_norm'"),
    ],
)
def test_overrides_that_do_not_fit_are_refused(overrides, match):
    with pytest.raises(InputError, match=match):
        load(MAE, **{**HEADS, **overrides})


def test_keras_files_take_no_arguments(tmp_path):
    (tmp_path / "a.keras").write_bytes(b"")
    with pytest.raises(InputError, match=r"no arguments. Received: \['num_heads'\]"):
        load(tmp_path / "a.keras", num_heads=4)


def test_a_loaded_model_is_saved_like_any_other(tmp_path):
    model = load(FOLDER / "vit_cls.pth", num_heads=4)
    model.save(tmp_path / "model.keras")
    images = np.ones((1, 32, 32, 3), "float32")
    np.testing.assert_array_equal(load(tmp_path / "model.keras")(images), model(images))
