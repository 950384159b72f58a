import dataclasses

import numpy as np
import pytest

from keras_mae import MaskedAutoencoder, Preprocessing, ViTClassifier
from keras_mae.layers.position_embedding import sincos_positions
from keras_mae.program import InputError
from training.classifier import build_classifier, in_single_precision
from training.finetune_config import FinetuneConfig

from ..parity.golden import FOLDER

OF_FILE = FinetuneConfig(preset=None, drop_path_rate=0.2)


@pytest.fixture
def saved(tmp_path, encoder):
    """Returns a function that saves an encoder; gives it and its path."""

    def save(**overrides):
        model, path = encoder(**overrides), tmp_path / "encoder.keras"
        model.save(path)
        return model, path

    return save


@pytest.mark.parametrize("pooling", ["gap", "token"])
def test_the_encoder_is_the_files(saved, pooling):
    pretrained, path = saved()
    config = dataclasses.replace(OF_FILE, pooling=pooling)
    model = build_classifier(config, 3, path)
    images = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")
    expected = ViTClassifier.from_encoder(pretrained, 3, pooling).features(images)
    np.testing.assert_allclose(model.features(images), expected, atol=1e-6)
    assert (model.num_classes, model.pooling) == (3, pooling)
    assert model.encoder.drop_path_rate == 0.2
    assert model.encoder.positions.pos_embed.trainable


def test_a_masked_autoencoder_gives_its_encoder(tmp_path):
    sizes = {"image_size": 16, "patch_size": 8, "embed_dim": 16, "depth": 1}
    decoder = {f"decoder_{n}": v for n, v in {"embed_dim": 8, "depth": 1}.items()}
    mae = MaskedAutoencoder(**sizes, **decoder, num_heads=2, decoder_num_heads=2)
    mae.save(tmp_path / "mae.keras")
    model = build_classifier(OF_FILE, 3, tmp_path / "mae.keras")
    np.testing.assert_array_equal(model.encoder.cls_token, mae.encoder.cls_token)


def test_a_weight_file_need_not_tell_the_heads_of_its_decoder():
    config = dataclasses.replace(OF_FILE, num_heads=4)  # of 48 and 32 columns
    model = build_classifier(config, 3, FOLDER / "mae.pth")
    assert (model.encoder.embed_dim, model.encoder.num_heads) == (48, 4)


def test_sincos_positions_are_computed_anew_at_another_size(saved):
    _, path = saved()
    config = dataclasses.replace(OF_FILE, image_size=(16, 32))
    model = build_classifier(config, 3, path)
    assert model.preprocessing.image_size == (16, 32)
    expected = sincos_positions(16, (2, 4))
    table = np.array(model.encoder.positions.pos_embed)
    np.testing.assert_allclose(table[0, 1:], expected, atol=1e-6)


def test_learned_positions_are_resized_at_another_size(saved, encoder):
    learned, path = encoder(image_size=32), None
    table = np.tile(np.arange(17, dtype="float32")[None, :, None], (1, 1, 16))
    learned.positions.pos_embed.assign(table)
    path = saved()[1]
    learned.save(path)
    model = build_classifier(dataclasses.replace(OF_FILE, image_size=64), 3, path)
    resized = np.array(model.encoder.positions.pos_embed)[0, :, 0]
    assert resized[0] == 0  # the class token's row
    grid = resized[1:].reshape(8, 8)
    assert (np.diff(grid, axis=0) > 0).all()
    np.testing.assert_allclose(grid.mean(), 8.5, atol=0.1)


@pytest.mark.parametrize("image_size", [(16, 16), (32, 16)])
def test_positions_of_a_wide_image_become_those_of_another_grid(saved, image_size):
    _, path = saved(image_size=(8, 32), patch_size=4)  # 2 x 8, as many as 4 x 4
    config = dataclasses.replace(OF_FILE, image_size=image_size)
    grid_size = (image_size[0] // 4, image_size[1] // 4)
    table = np.array(build_classifier(config, 3, path).encoder.positions.pos_embed)
    expected = sincos_positions(16, grid_size)
    np.testing.assert_allclose(table[0, 1:], expected, atol=1e-6)


def test_normalisation_is_the_files_unless_it_is_set(saved):
    _, path = saved(preprocessing=Preprocessing(16, 3, 0.25, 0.5, crop_ratio=1.0))
    preprocessing = build_classifier(OF_FILE, 3, path).preprocessing
    assert (preprocessing.mean[0], preprocessing.crop_ratio) == (0.25, 1.0)
    config = dataclasses.replace(OF_FILE, mean=(0.5,), crop_ratio=0.9)
    preprocessing = build_classifier(config, 3, path).preprocessing
    assert (preprocessing.mean[0], preprocessing.std[0]) == (0.5, 0.5)
    assert preprocessing.crop_ratio == 0.9


@pytest.mark.parametrize(("image_size", "crop_ratio"), [(224, 0.875), (256, 1.0)])
def test_pictures_set_larger_than_224_are_evaluated_whole(image_size, crop_ratio):
    sizes = {"patch_size": 32, "embed_dim": 8, "depth": 1, "num_heads": 1}
    config = FinetuneConfig(image_size=image_size, **sizes)
    assert build_classifier(config, 3).preprocessing.crop_ratio == crop_ratio
    config = dataclasses.replace(config, crop_ratio=0.9)
    assert build_classifier(config, 3).preprocessing.crop_ratio == 0.9


def test_from_scratch_the_preset_and_the_settings_tell_the_architecture():
    config = FinetuneConfig(
        preset="mae_vit_micro_patch4", depth=1, image_size=8, mean=(0.1,), seed=3
    )
    model = build_classifier(config, 5)
    assert (model.encoder.depth, model.encoder.embed_dim) == (1, 96)
    assert model.encoder.positions.pos_embed.trainable
    assert model.preprocessing.mean == (0.1,)
    assert model.seed == 3


def test_the_copy_in_single_precision_answers_alike(saved):
    config = dataclasses.replace(OF_FILE, precision="mixed_bfloat16")
    model = build_classifier(config, 3, saved()[1])
    model.head.kernel.assign(np.ones((16, 3)))
    copy = in_single_precision(model)
    images = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")
    assert copy.encoder.dtype_policy.name == "float32"
    np.testing.assert_allclose(copy(images), model(images), atol=0.2)
    for one, other in zip(copy.weights, model.weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "mae_vit_base_patch16"}, "preset is the architecture of a run"),
        ({"depth": 3}, "a .keras file takes no arguments"),
        ({"pooling": "mean"}, "unknown pooling 'mean'"),
        ({"image_size": 20}, "multiple of `patch_size`"),
    ],
)
def test_settings_that_do_not_fit_the_file_are_errors(saved, settings, message):
    with pytest.raises(ValueError, match=message):
        build_classifier(dataclasses.replace(OF_FILE, **settings), 3, saved()[1])


def test_a_file_without_final_norm_has_no_token_pooling(saved):
    _, path = saved(final_norm=False)
    with pytest.raises(InputError, match="without final norm.*or pooling 'gap'"):
        build_classifier(dataclasses.replace(OF_FILE, pooling="token"), 3, path)


def test_from_scratch_there_must_be_a_preset():
    with pytest.raises(InputError, match="preset must name the architecture"):
        build_classifier(OF_FILE, 3)
