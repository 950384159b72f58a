import json
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_mae
from keras_mae.program import InputError
from keras_mae.weights.pth import read_pth
from keras_mae.weights.safetensors import read_safetensors

from ..parity.golden import FOLDER
from .models import autoencoder, classifier, encoder, images_for
from .weight_files import save_zip, views

HF = FOLDER / "hf"
HEADS = {"num_heads": 4, "decoder_num_heads": 4}
OTHER_SIZES = [
    {"patch_size": 7, "image_size": 21, "num_channels": 4, "mlp_ratio": 2.7},
    {"patch_size": 10, "image_size": (10, 40), "depth": 1, "decoder_depth": 3},
    {"patch_size": 14, "image_size": (28, 42), "num_channels": 1, "num_heads": 1},
    {"embed_dim": 20, "num_heads": 5, "decoder_embed_dim": 12, "decoder_num_heads": 3},
]


def load(path, **overrides):
    return keras_mae.load(path, verbose=False, **overrides)


def tensors_of(path):
    return read_safetensors(path)[0]


def assert_same_bytes(received, expected):
    assert sorted(received) == sorted(expected)
    for name, array in expected.items():
        assert received[name].dtype == array.dtype
        assert received[name].shape == array.shape
        assert received[name].tobytes() == array.tobytes(), name


def assert_same_outputs(received, expected):
    images = images_for(expected)
    noise = np.random.default_rng(2).random((2, expected.num_patches), "float32")
    inputs = {"images": images, "noise": noise}
    for output in ("pred", "mask"):
        np.testing.assert_array_equal(
            received(inputs)[output], expected(inputs)[output]
        )


@pytest.mark.parametrize("name", ["a.keras", "a.safetensors", "folder"])
@pytest.mark.parametrize("sizes", OTHER_SIZES, ids=str)
def test_models_of_any_size_survive(tmp_path, sizes, name):
    if name == "folder":  # of Hugging Face, whose images are square
        sizes = {**sizes, "image_size": 4 * sizes.get("patch_size", 8)}
    model = autoencoder(**sizes)
    assert_same_outputs(load(keras_mae.save(model, tmp_path / name)), model)


@pytest.mark.parametrize("sizes", OTHER_SIZES, ids=str)
def test_models_of_any_size_are_read_from_pytorchs_files(tmp_path, sizes):
    model = autoencoder(**sizes)
    tensors = tensors_of(keras_mae.save(model, tmp_path / "a.safetensors"))
    save_zip(tmp_path / "a.pth", views(tensors))
    told = {key: model.get_config()[key] for key in (*HEADS, "image_size")}
    assert_same_outputs(load(tmp_path / "a.pth", **told), model)


@pytest.mark.parametrize("name", ["mae", "vit_gap", "vit_cls"])
def test_the_originals_names_and_bytes_come_out(tmp_path, name):
    heads = HEADS if name == "mae" else {"num_heads": 4}
    model = load(FOLDER / f"{name}.pth", **heads)
    path = keras_mae.save(model, tmp_path / "a.safetensors")
    assert_same_bytes(tensors_of(path), read_pth(FOLDER / f"{name}.pth")[1])
    again = keras_mae.save(load(path), tmp_path / "b.safetensors")
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("source", ["model.safetensors", "model_hub_names.safetensors"])
def test_the_hubs_names_and_bytes_come_out(tmp_path, source):
    folder = keras_mae.save(load(HF / source), tmp_path / "hf")
    expected = tensors_of(HF / "model_hub_names.safetensors")
    assert_same_bytes(tensors_of(folder / "model.safetensors"), expected)
    config = json.loads((HF / "config.json").read_text())
    del config["transformers_version"]
    assert json.loads((folder / "config.json").read_text()) == config


def test_formats_lead_into_each_other(tmp_path):
    path, model = FOLDER / "mae.pth", load(FOLDER / "mae.pth", **HEADS)
    for name in ("a", "b.safetensors", "c.keras", "d", "e.keras", "f.safetensors"):
        path = keras_mae.save(model, tmp_path / name)
        model = load(path)
    assert_same_bytes(tensors_of(path), read_pth(FOLDER / "mae.pth")[1])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_comes_out_when_it_is_kept(tmp_path, dtype):
    model = autoencoder(dtype=dtype)
    path = keras_mae.save(model, tmp_path / "a.safetensors")
    half, kept = tensors_of(path), load(path, dtype=dtype)
    assert half["cls_token"].dtype.name == dtype
    again = keras_mae.save(kept, tmp_path / "b.safetensors")
    assert_same_bytes(tensors_of(again), half)
    wider = tensors_of(keras_mae.save(load(path), tmp_path / "c.safetensors"))
    assert wider["cls_token"].dtype == "float32"
    for name, array in half.items():
        np.testing.assert_array_equal(wider[name], array.astype("float32"))


def test_a_safetensors_file_tells_all_arguments(tmp_path):
    preprocessing = keras_mae.Preprocessing(16, 3, 0.5, (0.1, 0.2, 0.3), 1, "bilinear")
    model = autoencoder(
        layer_norm_eps=1e-5,
        mask_ratio=0.5,
        mask_sampler="block",
        norm_pix_loss=True,
        seed=7,
        preprocessing=preprocessing,
    )
    loaded = load(keras_mae.save(model, tmp_path / "a.safetensors"))
    assert loaded.get_config() == model.get_config()


def test_a_safetensors_file_tells_an_encoders_arguments(tmp_path):
    model = encoder(drop_path_rate=0.1, train_positions=True, image_size=(8, 32))
    loaded = load(keras_mae.save(model, tmp_path / "a.safetensors"))
    assert loaded.get_config() == model.get_config()


def test_a_safetensors_file_tells_a_classifiers_arguments(tmp_path):
    model = classifier("gap", drop_path_rate=0.1, layer_norm_eps=1e-5)
    loaded = load(keras_mae.save(model, tmp_path / "a.safetensors"))
    assert loaded.get_config() == model.get_config()
    np.testing.assert_array_equal(loaded(images_for(model)), model(images_for(model)))


def test_what_a_safetensors_file_tells_may_change(tmp_path):
    preprocessing = keras_mae.Preprocessing(16, 3, 0.5, 0.25, 0.5, "bilinear")
    path = keras_mae.save(
        encoder(preprocessing=preprocessing), tmp_path / "a.safetensors"
    )
    assert keras_mae.weights.inspect(path).config["num_heads"] == 4
    loaded = load(path, image_size=(24, 8), num_heads=2)
    assert loaded.num_heads == 2
    expected = keras_mae.Preprocessing((24, 8), 3, 0.5, 0.25, 0.5, "bilinear")
    assert loaded.preprocessing.get_config() == expected.get_config()
    grey = load(path, num_channels=1).preprocessing
    assert (grey.mean, grey.crop_ratio) == ((0.5,), 0.5)


def test_a_mask_sampler_of_ones_own_is_left_out(tmp_path):
    sampler = keras_mae.layers.BlockSampler(min_patches=1)
    model = autoencoder(mask_sampler=sampler)
    loaded = load(keras_mae.save(model, tmp_path / "a.safetensors"))
    assert type(loaded.masking.mask_sampler).__name__ == "RandomSampler"


def test_hugging_face_folders_tell_objective_and_preprocessing(tmp_path):
    preprocessing = keras_mae.Preprocessing(16, 3, 0.5, 0.25, 0.5, "bilinear")
    model = autoencoder(
        layer_norm_eps=1e-5,
        mask_ratio=0.5,
        norm_pix_loss=True,
        preprocessing=preprocessing,
    )
    loaded = load(keras_mae.save(model, tmp_path / "hf"))
    assert loaded.get_config() == model.get_config()


@pytest.mark.parametrize("make", [encoder, classifier])
def test_hugging_face_folders_of_encoders_and_classifiers(tmp_path, make):
    model = make()
    loaded = load(keras_mae.save(model, tmp_path / "hf"))
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(loaded(images_for(model)), model(images_for(model)))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: autoencoder(image_size=(16, 24)), r"square images.*\(16, 24\)"),
        (lambda: classifier("gap"), "end in the encoder's norm.*'gap'"),
        (lambda: encoder(final_norm=False), "end in the encoder's norm"),
    ],
)
def test_what_transformers_lacks_is_refused(tmp_path, make, match):
    with pytest.raises(InputError, match=match):
        keras_mae.save(make(), tmp_path / "new" / "hf")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.safetensors", "folder"])
def test_other_models_are_saved_by_keras_alone(tmp_path, name):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(InputError, match=r"as \.keras alone. Received: Sequential"):
        keras_mae.save(model, tmp_path / name)
    path = keras_mae.save(model, tmp_path / "a.keras")
    x = np.ones((1, 3), "float32")
    np.testing.assert_array_equal(load(path)(x), model(x))


@pytest.mark.parametrize("name", ["a.pth", "a.bin", "a.safetensors.index.json"])
def test_formats_that_are_not_written_are_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"is not written; expected a \.keras"):
        keras_mae.save(encoder(), tmp_path / name)


@pytest.mark.parametrize("name", ["a.keras", "a.safetensors"])
def test_files_are_replaced_only_on_demand(tmp_path, name):
    path, model = tmp_path / name, encoder()
    path.write_text("old")
    with pytest.raises(InputError, match="exists; nothing is overwritten"):
        keras_mae.save(model, path)
    assert path.read_text() == "old"
    loaded = load(keras_mae.save(model, path, overwrite=True))
    np.testing.assert_array_equal(loaded.cls_token, model.cls_token)


def test_folders_are_never_replaced(tmp_path):
    with pytest.raises(InputError, match="exists; nothing is overwritten"):
        keras_mae.save(encoder(), tmp_path, overwrite=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.safetensors", "folder"])
def test_a_failure_leaves_nothing(tmp_path, name):
    def failing(tensors):
        yield tensors[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keras_mae.save(encoder(), tmp_path / "new" / name, progress=failing)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_clear_error(tmp_path, monkeypatch):
    def full(_, folder, zipped):
        Path(folder, "model.weights.h5").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keras.saving, "save_model", full)
    with pytest.raises(InputError, match=r"a\.keras cannot be written.*No space left"):
        keras_mae.save(encoder(), tmp_path / "a.keras")
    assert list(tmp_path.iterdir()) == []


def test_progress_sees_every_tensor(tmp_path):
    seen, model = [], encoder()

    def progress(items):
        for item in items:
            seen.append(item)
            yield item

    path = keras_mae.save(model, tmp_path / "a.safetensors", progress=progress)
    assert len(seen) == len(model.weights)
    load(path, progress=progress)
    assert len(seen) == 2 * len(model.weights)


def test_keras_files_hold_what_keras_writes(tmp_path):
    path = keras_mae.save(encoder(), tmp_path / "a.keras")
    encoder().save(tmp_path / "b.keras")
    names = [
        sorted(zipfile.ZipFile(tmp_path / name).namelist())
        for name in ("a.keras", "b.keras")
    ]
    assert names[0] == names[1]
    assert sorted(tmp_path.iterdir()) == [path, tmp_path / "b.keras"]
