"""`load` of other packages' files: what it infers, asks for, changes and refuses."""

import argparse
import json
import math
import shutil

import numpy as np
import pytest

import keras_mae
from keras_mae.program import InputError
from keras_mae.weights import inspect, load, load_encoder
from keras_mae.weights.pth import read_pth

from ..parity.golden import FOLDER
from .weight_files import save_zip, views

HEADS = {"num_heads": 4, "decoder_num_heads": 4}
MAE = FOLDER / "mae.pth"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.pth"


def tensors_of(name="mae"):
    """Returns a golden file's tensors; those of a decoder last."""
    return read_pth(FOLDER / f"{name}.pth")[1]


def encoder_tensors():
    return {
        name: t
        for name, t in tensors_of().items()
        if "decoder" not in name and name != "mask_token"
    }


def random_vit(patch_size=7, dim=20, depth=1, hidden=30, channels=4, count=9):
    """Returns the original's tensors of an encoder of any size."""
    shapes = {
        "cls_token": (1, 1, dim),
        "pos_embed": (1, 1 + count, dim),
        "patch_embed.proj.weight": (dim, channels, patch_size, patch_size),
        "patch_embed.proj.bias": (dim,),
        "norm.weight": (dim,),
        "norm.bias": (dim,),
    }
    for i in range(depth):
        layers = {"attn.qkv": (3 * dim, dim), "attn.proj": (dim, dim)}
        layers |= {"mlp.fc1": (hidden, dim), "mlp.fc2": (dim, hidden)}
        layers |= {"norm1": (dim,), "norm2": (dim,)}
        for name, shape in layers.items():
            shapes[f"blocks.{i}.{name}.weight"] = shape
            shapes[f"blocks.{i}.{name}.bias"] = shape[:1]
    random = np.random.default_rng(0)
    return {name: random.normal(size=s).astype("float32") for name, s in shapes.items()}


@pytest.mark.parametrize(
    ("patch_size", "depth", "channels", "hidden", "num_heads"),
    [(7, 1, 4, 30, 5), (10, 2, 3, 80, 4), (14, 3, 1, 61, 2)],
)
def test_architecture_is_told_by_shapes(
    path, patch_size, depth, channels, hidden, num_heads
):
    tensors = random_vit(patch_size, 20, depth, hidden, channels)
    save_zip(path, views(tensors))
    encoder = load(path, num_heads=num_heads)
    config = encoder.get_config()
    assert config["image_size"] == (3 * patch_size, 3 * patch_size)
    assert (config["patch_size"], config["depth"]) == (patch_size, depth)
    assert config["num_channels"] == channels
    assert int(20 * config["mlp_ratio"]) == hidden
    kernel = encoder.patch_embed.proj.kernel.numpy().reshape(
        patch_size, patch_size, -1, 20
    )
    expected = tensors["patch_embed.proj.weight"][5, channels - 1, 2, 3]
    assert kernel[2, 3, channels - 1, 5] == expected


def test_what_was_found_is_said(capsys):
    load(MAE, **HEADS)
    text = capsys.readouterr().out
    for said in ("encoder and decoder", "authors' code and of timm", "zip archive"):
        assert said in text
    assert "image_size=(32, 32), patch_size=8, num_channels=3, embed_dim=48" in text
    assert "CC-BY-NC 4.0" in text
    assert "not known whether" in text
    load(MAE, **HEADS, verbose=False)
    assert capsys.readouterr().out == ""


def test_inspection_needs_no_heads():
    report = inspect(FOLDER / "vit_gap.pth")
    assert report.content == "encoder and classifier of 7 classes"
    assert report.config["num_heads"] is None
    assert report.parameters == sum(t.size for t in tensors_of("vit_gap").values())


def test_inspection_of_other_files_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected a \.pth.*a\.keras"):
        inspect(tmp_path / "a.keras")


def test_heads_that_nothing_tells_must_be_given():
    with pytest.raises(InputError, match="give `num_heads=` and `decoder_num_heads=`"):
        load(MAE)
    with pytest.raises(InputError, match="give `decoder_num_heads=`$"):
        load(MAE, num_heads=4)


def test_heads_are_those_of_the_preset_of_that_width(path):
    save_zip(path, views(random_vit(dim=192)))
    assert load(path).num_heads == 3


def test_heads_of_the_configuration_beside_the_file(path):
    save_zip(path, views(encoder_tensors()))
    shutil.copy(FOLDER / "hf" / "config.json", path.parent)
    encoder = load(path)
    assert (encoder.num_heads, encoder.layer_norm_eps) == (4, 1e-6)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (
            {"hidden_size": 64},
            "another model: .*embed_dim=48. Received: hidden_size=64",
        ),
        ({"hidden_act": "gelu_new"}, "hidden_act 'gelu'. Received: 'gelu_new'"),
        ({"layer_norm_eps": None}, "layer_norm_eps, a positive number"),
        ({"num_attention_heads": "4"}, "num_attention_heads, a positive number"),
        ({"num_attention_heads": 5}, "multiple of `num_heads`"),
    ],
)
def test_configurations_that_do_not_fit_are_refused(tmp_path, changes, match):
    folder = FOLDER / "hf"
    shutil.copy(folder / "model.safetensors", tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, **changes}))
    with pytest.raises(InputError, match=match):
        load(tmp_path)


def test_objective_comes_from_the_training_settings(path):
    settings = argparse.Namespace(norm_pix_loss=True, mask_ratio=0.5)
    save_zip(path, {"model": views(tensors_of()), "args": settings})
    model = load(path, **HEADS)
    assert model.norm_pix_loss is True
    assert model.mask_ratio == 0.5
    assert load(path, **HEADS, norm_pix_loss=False).norm_pix_loss is False


@pytest.mark.parametrize(
    ("name", "normalised"),
    [("mae_visualize_vit_x.pth", False), ("mae_pretrain_vit_x_full.pth", True)],
)
def test_targets_of_the_authors_files_are_known_by_name(tmp_path, name, normalised):
    shutil.copy(MAE, tmp_path / name)
    assert inspect(tmp_path / name).norm_pix_loss is normalised
    assert load(tmp_path / name, **HEADS).norm_pix_loss is normalised


def test_preprocessing_of_hugging_face_is_kept(tmp_path):
    for name in ("model.safetensors", "config.json"):
        shutil.copy(FOLDER / "hf" / name, tmp_path)
    told = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(told))
    preprocessing = load(tmp_path).preprocessing
    assert (preprocessing.mean, preprocessing.std) == ((0.5,) * 3, (0.25,) * 3)


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


def test_leftovers_on_both_sides_are_listed(path):
    tensors = encoder_tensors()
    tensors["blocks.0.ls1.gamma"] = tensors.pop("blocks.0.attn.proj.bias")
    save_zip(path, views(tensors))
    with pytest.raises(InputError) as error:
        load(path, num_heads=4)
    assert "in the file, but not in the model: blocks.0.ls1.gamma" in str(error.value)
    assert "in the model, but not in the file: blocks.0.attn.proj.bias" in str(
        error.value
    )


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"blocks.0.attn.qkv.weight": (99, 20)}, r"must have the shape \(60, 20\)"),
        ({"blocks.1.mlp.fc1.weight": (31, 20)}, r"must have the shape \(30, 20\)"),
        ({"blocks.0.mlp.fc1.weight": (30, 21)}, r"shape \(None, 20\)"),
        ({"head.weight": (10**12, 0)}, r"head.weight must have the shape \(None, 20\)"),
        ({"patch_embed.proj.weight": (20, 0, 9**6, 9**6)}, "None: 1 or more"),
        ({"pos_embed": (2, 10, 20)}, r"pos_embed must have the shape \(1, None, 20\)"),
        ({"decoder_embed.weight": (8, 20)}, "no decoder_blocks, but what goes with"),
        ({"patch_embed.proj.weight": (20, 3, 4, 5)}, "patches must be square"),
        ({"patch_embed.proj.weight": (20, 3)}, "None, None, None, None"),
        ({"patch_embed.proj.weight": (2000, 1, 1, 1)}, r"shape \(None, 2000\)"),
        ({"pos_embed": (1, 1, 20)}, "must hold a class token and patches"),
        ({"pos_embed": (1, 8, 20)}, "7 patches, no square grid: give `image_size="),
        ({"cls_token": (1, 20)}, r"another shape: cls_token \(file \(1, 20\)"),
        ({"norm.bias": (21,)}, r"another shape: norm.bias \(file \(21,\)"),
    ],
)
def test_shapes_that_do_not_fit_each_other_are_refused(path, changes, match):
    tensors = random_vit(depth=2)
    tensors |= {name: np.zeros(shape, "float32") for name, shape in changes.items()}
    save_zip(path, views(tensors))
    with pytest.raises(InputError, match=match):
        load(path, num_heads=4)


def test_a_rectangular_grid_is_told_by_the_image_size(path):
    save_zip(path, views(random_vit(count=6)))
    assert load(path, num_heads=4, image_size=(14, 21)).grid_size == (2, 3)
    with pytest.raises(InputError, match="no square grid, which cannot"):
        load(path, num_heads=4, image_size=28)


def test_keras_files_take_no_arguments(tmp_path):
    (tmp_path / "a.keras").write_bytes(b"")
    with pytest.raises(InputError, match=r"no arguments. Received: \['num_heads'\]"):
        load(tmp_path / "a.keras", num_heads=4)


def test_folders_without_weights_are_refused(tmp_path):
    with pytest.raises(InputError, match="without weights; expected one of model.safe"):
        load(tmp_path)


def test_missing_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="no model file .*absent.pth; expected"):
        load(tmp_path / "absent.pth")


def test_a_loaded_model_is_saved_like_any_other(tmp_path):
    model = load(FOLDER / "vit_cls.pth", num_heads=4)
    model.save(tmp_path / "model.keras")
    images = np.ones((1, 32, 32, 3), "float32")
    np.testing.assert_array_equal(load(tmp_path / "model.keras")(images), model(images))
