"""Each spelling of each file gives the outputs of the code that it comes from."""

import json
import shutil

import ml_dtypes
import numpy as np
import pytest

import keras_mae
from keras_mae.weights.pth import read_pth
from keras_mae.weights.safetensors import read_safetensors
from keras_mae.weights.spellings import HUB, MODULES, ORIGINAL, SPELLINGS

from ..weights.weight_files import save_legacy, save_safetensors, save_zip, views
from .golden import FOLDER, golden
from .measured import assert_near

HEADS = {"num_heads": 4, "decoder_num_heads": 4}
HF = FOLDER / "hf"


def hub_tensors():
    return read_safetensors(HF / "model_hub_names.safetensors")[0]


def respelled(tensors, source, target, of="mae"):
    """Returns tensors under the names of another spelling; `of` names the original."""
    result = {}
    for name in read_pth(FOLDER / f"{of}.pth")[1]:
        joined = np.concatenate([tensors[key] for key in source.keys(name)])
        keys = target.keys(name)
        result.update(zip(keys, np.split(joined, len(keys)), strict=True))
    return result


def folder_of(path, tensors):
    path.mkdir()
    save_safetensors(path / "model.safetensors", tensors)
    shutil.copy(HF / "config.json", path)
    return path


def latent(encoder, arrays):
    """What the encoder makes of the patches that the golden mask leaves visible."""
    model = keras_mae.MaskedAutoencoder(32, 8, 3, 48, 3, 4, 32, 2, 4)
    noise = arrays["noise"]
    masked = model.masking(model.patchify(arrays["images"]), noise=noise)
    return encoder(masked["visible"], ids_keep=masked["ids_keep"])


def check_autoencoder(model, arrays):
    inputs = {"images": arrays["images"], "noise": arrays["noise"]}
    outputs = model(inputs)
    np.testing.assert_array_equal(outputs["mask"], arrays["mask"])
    assert_near("pred of weight files", outputs["pred"], arrays["pred"])
    for norm_pix_loss, kind in ((False, "raw"), (True, "norm")):
        model.norm_pix_loss = norm_pix_loss
        loss = model.compute_loss(x=inputs, y_pred=outputs)
        assert_near("loss of weight files", loss, arrays[f"loss_{kind}"])


def test_the_originals_file():
    arrays = golden("mae")
    model = keras_mae.load(FOLDER / "mae.pth", **HEADS)
    check_autoencoder(model, arrays)
    assert_near(
        "latent of weight files", latent(model.encoder, arrays), arrays["latent"]
    )


def test_the_originals_weights_in_the_older_format(tmp_path):
    tensors = views(read_pth(FOLDER / "mae.pth")[1])
    tensors = {f"module.{name}": tensor for name, tensor in tensors.items()}
    save_legacy(tmp_path / "mae.pt", {"model": tensors, "epoch": 3})
    check_autoencoder(keras_mae.load(tmp_path / "mae.pt", **HEADS), golden("mae"))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_weights_in_half_precision_are_near(tmp_path, dtype):
    tensors = read_pth(FOLDER / "mae.pth")[1]
    dtype = np.dtype(getattr(ml_dtypes, dtype, dtype))
    half = {name: tensor.astype(dtype) for name, tensor in tensors.items()}
    save_zip(tmp_path / "mae.pth", views(half))
    model = keras_mae.load(tmp_path / "mae.pth", **HEADS)
    arrays = golden("mae")
    pred = model({"images": arrays["images"], "noise": arrays["noise"]})["pred"]
    np.testing.assert_allclose(pred, arrays["pred"], atol=0.05)


@pytest.mark.parametrize(
    ("name", "pooling"), [("vit_gap", "gap"), ("vit_cls", "token")]
)
def test_the_originals_classifiers(name, pooling):
    arrays = golden(name)
    model = keras_mae.load(FOLDER / f"{name}.pth", num_heads=4)
    assert model.pooling == pooling
    assert model.encoder.positions.pos_embed.trainable
    features = model.features(arrays["images"])
    assert_near("features of weight files", features, arrays["features"])
    assert_near("logits of weight files", model(arrays["images"]), arrays["logits"])


@pytest.mark.parametrize(
    "name", ["", "model.safetensors", "model_hub_names.safetensors"]
)
def test_hugging_faces_files(name):
    model = keras_mae.load(HF / name)
    assert model.encoder.layer_norm_eps == 1e-12
    check_autoencoder(model, golden("hf/outputs"))


def test_hugging_faces_module_names(tmp_path):
    tensors = respelled(hub_tensors(), HUB, MODULES)
    assert len(tensors) == len(hub_tensors())
    folder = folder_of(tmp_path / "modules", tensors)
    assert "modules" in keras_mae.weights.inspect(folder).spelling
    check_autoencoder(keras_mae.load(folder), golden("hf/outputs"))


def test_hugging_faces_shards(tmp_path):
    tensors, places = hub_tensors(), {}
    for number, part in enumerate(["vit.", "decoder."]):
        name = f"model-{number}.safetensors"
        shard = {key: t for key, t in tensors.items() if key.startswith(part)}
        save_safetensors(tmp_path / name, shard)
        places |= dict.fromkeys(shard, name)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    shutil.copy(HF / "config.json", tmp_path)
    check_autoencoder(keras_mae.load(tmp_path), golden("hf/outputs"))


@pytest.mark.parametrize("spelling", SPELLINGS[-2:])
def test_hugging_faces_encoders(tmp_path, spelling):
    tensors = respelled(hub_tensors(), HUB, spelling)
    tensors = {name: t for name, t in tensors.items() if "decoder" not in name}
    pooler = {f"pooler.dense.{leaf}": np.ones((1,), "float32") for leaf in "ab"}
    encoder = keras_mae.load(folder_of(tmp_path / "hf", {**tensors, **pooler}))
    full = keras_mae.load(HF).encoder
    arrays = golden("hf/outputs")
    np.testing.assert_array_equal(encoder(arrays["images"]), full(arrays["images"]))


@pytest.mark.parametrize("spelling", [HUB, MODULES])
def test_hugging_faces_classifiers(tmp_path, spelling):
    tensors = read_pth(FOLDER / "vit_cls.pth")[1]
    tensors = respelled(tensors, ORIGINAL, spelling, of="vit_cls")
    folder = folder_of(tmp_path / "hf", tensors)
    model = keras_mae.load(folder, layer_norm_eps=1e-6)
    arrays = golden("vit_cls")
    assert_near("logits of weight files", model(arrays["images"]), arrays["logits"])


def test_timms_encoder(tmp_path):
    tensors = read_pth(FOLDER / "mae.pth")[1]
    tensors = {name: t for name, t in tensors.items() if "decoder" not in name}
    del tensors["mask_token"]
    save_zip(tmp_path / "timm.pth", views(tensors))
    encoder = keras_mae.load(tmp_path / "timm.pth", num_heads=4)
    assert type(encoder) is keras_mae.ViTEncoder
    arrays = golden("mae")
    assert_near("latent of weight files", latent(encoder, arrays), arrays["latent"])
