"""`load` of other packages' files: what it infers, asks for and refuses."""

import argparse
import json
import shutil

import numpy as np
import pytest

from keras_mae.program import InputError
from keras_mae.weights import inspect, load

from ..parity.golden import FOLDER
from .tensors import HEADS, MAE, encoder_tensors, random_vit, tensors_of
from .weight_files import save_zip, views


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


def test_folders_without_weights_are_refused(tmp_path):
    with pytest.raises(InputError, match="without weights; expected one of model.safe"):
        load(tmp_path)


def test_missing_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="no model file .*absent.pth; expected"):
        load(tmp_path / "absent.pth")
