"""`from_preset(weights=...)`: which file it takes, and what becomes of it."""

import shutil

import numpy as np
import pytest

from keras_mae import MaskedAutoencoder, ViTClassifier, ViTEncoder
from keras_mae.program import InputError
from keras_mae.weights import load

from ..parity.golden import FOLDER

HEADS = {"num_heads": 4, "decoder_num_heads": 4}
IMAGES = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
NAMES = {
    ViTEncoder: "/mae_pretrain_vit_golden.pth",
    MaskedAutoencoder: "/mae_visualize_vit_golden.pth",
    ViTClassifier: "/gap.pth",
}


def original():
    return load(FOLDER / "mae.pth", **HEADS, verbose=False)


def test_published_weights_are_those_of_the_file(server):
    model = MaskedAutoencoder.from_preset("golden", weights="facebook")
    np.testing.assert_array_equal(model(IMAGES)["pred"], original()(IMAGES)["pred"])
    assert model.norm_pix_loss is False


def test_the_licence_is_told_at_the_download_alone(server, capsys):
    MaskedAutoencoder.from_preset("golden", weights="facebook")
    text = capsys.readouterr().out
    assert "licence  CC-BY-NC 4.0: not for commercial use" in text
    MaskedAutoencoder.from_preset("golden", weights="facebook")
    text = capsys.readouterr().out
    assert "content  encoder and decoder" in text
    assert "  licence " not in text
    MaskedAutoencoder.from_preset("golden", weights="facebook", verbose=False)
    assert capsys.readouterr().out == ""
    assert len(server.requests) == 1


@pytest.mark.parametrize("cls", NAMES)
def test_facebook_means_another_file_to_each_class(server, cls):
    model = cls.from_preset("golden", weights="facebook")
    assert type(model) is cls
    assert server.requests == [NAMES[cls]]


def test_a_published_classifier_is_the_files(server):
    model = ViTClassifier.from_preset("golden", weights="facebook", drop_path_rate=0.1)
    expected = load(FOLDER / "vit_gap.pth", num_heads=4, verbose=False)
    np.testing.assert_array_equal(model(IMAGES), expected(IMAGES))
    assert model.encoder.drop_path_rate == 0.1


def test_the_hubs_model_keeps_its_epsilon(server):
    model = MaskedAutoencoder.from_preset("golden", weights="huggingface")
    expected = load(FOLDER / "hf", verbose=False)
    np.testing.assert_array_equal(model(IMAGES)["pred"], expected(IMAGES)["pred"])
    assert model.encoder.layer_norm_eps == expected.encoder.layer_norm_eps


@pytest.mark.parametrize("weights", ["facebook/visualize", "huggingface"])
def test_an_encoder_leaves_the_decoder_out(server, capsys, weights):
    encoder = ViTEncoder.from_preset(
        "golden", weights=weights, drop_path_rate=0.1, name="mine"
    )
    whole = MaskedAutoencoder.from_preset("golden", weights=weights, verbose=False)
    np.testing.assert_array_equal(encoder(IMAGES), whole.encoder(IMAGES))
    assert (encoder.name, encoder.drop_path_rate) == ("mine", 0.1)
    assert "more (of the decoder)" in capsys.readouterr().out


def test_an_encoder_leaves_the_classifier_out(server, capsys):
    encoder = ViTEncoder.from_preset("golden", weights="facebook/finetune")
    classifier = ViTClassifier.from_preset("golden", weights="facebook", verbose=False)
    np.testing.assert_array_equal(encoder(IMAGES), classifier.encoder(IMAGES))
    assert not encoder.final_norm
    assert "head.weight, head.bias" in capsys.readouterr().out.replace("\n", " ")


def test_fine_tuning_starts_from_a_pretrained_encoder(server, capsys):
    model = ViTClassifier.from_preset(
        "golden", 3, "token", weights="facebook/pretrain", drop_path_rate=0.1
    )
    expected = original().encoder.features(IMAGES, "token")
    np.testing.assert_array_equal(model.features(IMAGES), expected)
    assert model(IMAGES).shape == (2, 3)
    assert model.encoder.train_positions
    assert model.encoder.drop_path_rate == 0.1
    assert "random   head" in capsys.readouterr().out


def test_a_random_decoder_must_be_allowed(server, capsys):
    with pytest.raises(InputError, match="encoder alone.*'facebook', facebook/visual"):
        MaskedAutoencoder.from_preset("golden", weights="facebook/pretrain")
    assert server.requests == []
    model = MaskedAutoencoder.from_preset(
        "golden", weights="facebook/pretrain", allow_missing_decoder=True
    )
    np.testing.assert_array_equal(model.encoder(IMAGES), original().encoder(IMAGES))
    assert model.norm_pix_loss is True
    assert "random   mask_token, decoder_blocks.0" in capsys.readouterr().out


def test_overrides_change_what_may_change(server):
    changes = {"image_size": (16, 40), "num_channels": 1, "mask_ratio": 0.5}
    model = MaskedAutoencoder.from_preset(
        "golden", weights="facebook", norm_pix_loss=True, **changes
    )
    assert model(np.ones((1, 16, 40, 1), "float32"))["pred"].shape == (1, 10, 64)
    assert (model.mask_ratio, model.norm_pix_loss) == (0.5, True)


def test_overrides_that_contradict_the_file_are_refused(server):
    with pytest.raises(InputError, match="has depth=3, which cannot be changed"):
        MaskedAutoencoder.from_preset("golden", weights="facebook", depth=4)


@pytest.mark.parametrize("file", ["mae.pth", "hf"])
def test_files_of_ones_own_are_given_by_their_path(server, tmp_path, file):
    if file == "hf":
        shutil.copytree(FOLDER / file, tmp_path / file)
    path = FOLDER / file
    model = MaskedAutoencoder.from_preset("golden", weights=path)
    expected = load(path, **HEADS, verbose=False)
    np.testing.assert_array_equal(model(IMAGES)["pred"], expected(IMAGES)["pred"])
    assert server.requests == []


def test_files_of_ones_own_are_given_by_their_address(server, capsys):
    url = server.url("/mae_visualize_vit_golden.pth")
    model = MaskedAutoencoder.from_preset("golden", weights=url)
    np.testing.assert_array_equal(model(IMAGES)["pred"], original()(IMAGES)["pred"])
    assert "files that you trained yourself are yours" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cls", "arguments", "match"),
    [
        (
            MaskedAutoencoder,
            {"weights": "facebook/finetune"},
            "7 classes, but a Mas",
        ),
        (ViTClassifier, {"weights": "facebook/pretrain"}, "give `num_classes=`, for"),
        (
            ViTClassifier,
            {"weights": "facebook", "num_classes": 3},
            "classifier of 7 classes.*num_classes=3.*weights='facebook/pretrain'",
        ),
        (
            ViTClassifier,
            {"weights": "facebook", "pooling": "token"},
            "pooling 'gap'. Received: .*pooling='token'",
        ),
        (
            MaskedAutoencoder,
            {"weights": "facebook/visualise"},
            "unknown weights of golden 'facebook/visualise'; did you mean facebook/vis"
            ".*'facebook' is facebook/visualize for a MaskedAutoencoder",
        ),
        (
            ViTEncoder,
            {"weights": "imagenet"},
            "choose from facebook, face",
        ),
        (ViTEncoder, {"weights": "absent.pth"}, "no model file absent.pth"),
    ],
)
def test_what_does_not_fit_is_told_before_a_download(server, cls, arguments, match):
    with pytest.raises(InputError, match=match):
        cls.from_preset("golden", **arguments)
    assert server.requests == []


def test_a_file_of_ones_own_must_fit_the_class():
    with pytest.raises(InputError, match="vit_gap.pth holds an .* of 7 classes, but a"):
        MaskedAutoencoder.from_preset(
            "mae_vit_micro_patch4", weights=FOLDER / "vit_gap.pth"
        )


def test_presets_without_published_weights_name_those_that_have_some():
    with pytest.raises(
        InputError, match="no weights of mae_vit_tiny_patch16 .*: mae_vit_base_patch16,"
    ):
        ViTEncoder.from_preset("mae_vit_tiny_patch16", weights="facebook")


def test_unknown_presets_come_first():
    with pytest.raises(InputError, match="unknown preset 'mae_vit_bas'"):
        ViTEncoder.from_preset("mae_vit_bas", weights="facebook")


def test_classes_of_ones_own_take_no_weights():
    class Mine(MaskedAutoencoder):
        pass

    with pytest.raises(InputError, match="loaded into ViTEncoder.*Received: Mine"):
        Mine.from_preset("mae_vit_base_patch16", weights="facebook")


def test_a_classifier_from_scratch_needs_its_classes():
    with pytest.raises(InputError, match="`num_classes=` must be given, unless"):
        ViTClassifier.from_preset("mae_vit_micro_patch4")


def test_an_encoder_from_scratch_has_its_presets_sizes():
    encoder = ViTEncoder.from_preset("mae_vit_micro_patch4", depth=1)
    assert (encoder.embed_dim, encoder.depth, encoder.num_channels) == (96, 1, 1)
