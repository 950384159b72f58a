import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_mae
from keras_mae import MaskedAutoencoder
from keras_mae.layers import BlockSampler

from ..checks import check_model
from .conftest import TINY


def test_masked_autoencoder_is_a_keras_model(images):
    noise = np.random.default_rng(1).random((4, 6)).astype("float32")
    inputs = {"images": images, "noise": noise}
    check_model(MaskedAutoencoder, TINY, inputs, stays_float32=("mask",))


def test_images_alone_are_enough(tiny, images):
    outputs = tiny()(images)
    assert outputs["pred"].shape == (4, 6, 8 * 8 * 3)
    np.testing.assert_array_equal(np.sum(outputs["mask"], axis=1), [3, 3, 3, 3])


@pytest.mark.parametrize("num_channels", [1, 4, 12])
def test_any_number_of_channels_trains(tiny, num_channels):
    model = tiny(num_channels=num_channels)
    images = np.ones((2, 16, 24, num_channels), "float32")
    model.compile(optimizer="sgd")
    history = model.fit(images, batch_size=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_labels_are_ignored(tiny, images):
    model = tiny()
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    alone = model.fit(images, batch_size=4, shuffle=False, verbose=0)
    model.optimizer.iterations.assign(0)
    labelled = model.fit(images, np.arange(4), batch_size=4, shuffle=False, verbose=0)
    assert alone.history["loss"] == labelled.history["loss"]


def test_prediction_of_an_image_depends_on_its_visible_patches_alone(tiny, images):
    model, mask = tiny(), np.float32([[0, 1, 1, 0, 1, 0]])
    changed = images[:1].copy()
    changed[:, :8, 8:24] = 9.0  # patches 1 and 2
    inputs = {"images": images[:1], "mask": mask}
    pred = model(inputs)["pred"]
    np.testing.assert_array_equal(
        model({"images": changed, "mask": mask})["pred"], pred
    )
    changed[:, :8, :8] = 9.0  # patch 0
    assert np.any(model({"images": changed, "mask": mask})["pred"] != pred)


def test_images_may_hide_different_numbers_of_patches(tiny, images):
    model = tiny()
    mask = np.float32([[1, 1, 1, 1, 1, 0], [0, 1, 0, 0, 0, 0]])
    together = model({"images": images[:2], "mask": mask})
    np.testing.assert_array_equal(together["mask"], mask)
    for i in range(2):
        alone = model({"images": images[i : i + 1], "mask": mask[i : i + 1]})
        np.testing.assert_allclose(together["pred"][i], alone["pred"][0], atol=1e-6)


@pytest.mark.parametrize("mask", [[1] * 6, [0] * 6])
def test_a_mask_may_hide_all_patches_or_none(tiny, images, mask):
    model, mask = tiny(), np.float32([mask] * 4)
    pred, of_other = (
        model({"images": batch, "mask": mask})["pred"] for batch in (images, images + 1)
    )
    assert np.isfinite(pred).all()
    # With nothing in sight, all images look the same.
    assert np.array_equal(pred, of_other) == mask.all()


def test_an_image_without_visible_patches_may_stand_beside_others(tiny, images):
    model = tiny()
    mask = np.float32([[1, 1, 1, 1, 1, 1], [0, 1, 0, 0, 0, 0]])
    together = model({"images": images[:2], "mask": mask})["pred"]
    for i in range(2):
        alone = model({"images": images[i : i + 1], "mask": mask[i : i + 1]})["pred"]
        np.testing.assert_allclose(together[i], alone[0], atol=1e-6)


@pytest.mark.parametrize("statistics", ["true", "visible"])
def test_a_picture_is_painted_though_nothing_of_it_is_visible(tiny, images, statistics):
    model = tiny(norm_pix_loss=True)
    pictures = model.reconstruct(images, np.ones((4, 6)), statistics)
    assert np.isfinite(pictures["reconstruction"]).all()
    np.testing.assert_array_equal(pictures["pasted"], pictures["reconstruction"])


def test_a_mask_that_hides_another_number_cannot_be_trained_on(tiny, images):
    model = tiny()
    model.compile(optimizer="sgd")
    mask = np.float32([[1, 0, 0, 0, 0, 0]] * 4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must hide as many"):
        model.train_on_batch({"images": images, "mask": mask})


def test_a_mask_that_hides_the_right_number_can_be_trained_on(tiny, images):
    model = tiny()
    model.compile(optimizer="sgd")
    mask = np.float32([[1, 0, 1, 0, 1, 0]] * 4)
    assert np.isfinite(model.train_on_batch({"images": images, "mask": mask}))


def test_loss_is_the_mean_over_hidden_patches(tiny, images):
    model = tiny()
    mask = np.float32([[1, 1, 1, 0, 0, 0]] * 4)
    pred = np.zeros((4, 6, 192), "float32")
    loss = model.compute_loss(x=images, y_pred={"pred": pred, "mask": mask})
    np.testing.assert_allclose(loss, np.mean(images[:, :8] ** 2), rtol=1e-5)


def test_normalised_targets_have_unit_variance(tiny, images):
    model = tiny(norm_pix_loss=True)
    zeros = {"pred": np.zeros((4, 6, 192)), "mask": np.ones((4, 6))}
    # The variance divides by n - 1, the mean of squares by n.
    loss = model.compute_loss(x=images, y_pred=zeros)
    np.testing.assert_allclose(loss, 191 / 192, rtol=1e-5)


def test_nothing_hidden_makes_a_plain_autoencoder(tiny, images):
    model = tiny(mask_ratio=0.0)
    model.compile(optimizer=keras.optimizers.SGD(1e-1))
    np.testing.assert_array_equal(model(images)["mask"], np.zeros((4, 6)))
    losses = model.fit(images, epochs=5, batch_size=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_sample_weights_weigh_images(tiny, images):
    model = tiny()
    outputs = model(images)
    first = {name: value[:1] for name, value in outputs.items()}
    weighted = model.compute_loss(
        x=images, y_pred=outputs, sample_weight=np.float32([1, 0, 0, 0])
    )
    np.testing.assert_allclose(
        weighted, model.compute_loss(x=images[:1], y_pred=first), rtol=1e-6
    )


def test_encoder_is_deterministic_and_hides_nothing(tiny, images):
    model = tiny()
    tokens = model.encoder(images)
    assert tokens.shape == (4, 1 + 6, 16)
    np.testing.assert_array_equal(model.encoder(images), tokens)


def test_only_visible_patches_are_embedded(tiny, images, monkeypatch):
    model, seen = tiny(), []
    embed = model.encoder.patch_embed.call
    monkeypatch.setattr(
        model.encoder.patch_embed, "call", lambda x: seen.append(x.shape) or embed(x)
    )
    model(images)
    assert seen == [(4, 3, 192)]


def test_reconstruction_is_in_pixels_and_pastes_what_was_visible(tiny, images):
    model, mask = tiny(), np.float32([[1, 0, 0, 1, 0, 0]] * 4)
    pictures = model.reconstruct(images, mask)
    pixels = model.preprocessing.denormalise(images)
    for name in ("reconstruction", "pasted"):
        assert pictures[name].shape == images.shape
        assert 0 <= np.min(pictures[name]) <= np.max(pictures[name]) <= 255
    np.testing.assert_allclose(
        pictures["pasted"][:, :, 8:], pixels[:, :, 8:], atol=1e-3
    )
    np.testing.assert_allclose(
        pictures["pasted"][:, :, :8], pictures["reconstruction"][:, :, :8]
    )


def test_true_statistics_restore_brightness_of_hidden_patches(tiny):
    model = tiny(norm_pix_loss=True, preprocessing=None)
    images = np.full((1, 16, 24, 3), 0.5, "float32")
    images[:, :8, :8] = -1.0
    mask = np.float32([[1, 0, 0, 0, 0, 0]])
    means = {}
    for statistics in ("true", "visible"):
        picture = model.reconstruct(images, mask, statistics)["reconstruction"]
        normalised = model.preprocessing.normalise(picture)
        means[statistics] = np.mean(normalised[:, :8, :8])
    np.testing.assert_allclose(means["true"], -1.0, atol=1e-2)
    np.testing.assert_allclose(means["visible"], 0.5, atol=1e-2)


def test_unknown_statistics_are_refused(tiny, images):
    with pytest.raises(ValueError, match="'true' or 'visible'"):
        tiny(norm_pix_loss=True).reconstruct(images, statistics="mean")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"mask_ratio": 1.0}, r"must lie in \[0, 1\)"),
        ({"mask_ratio": -0.1}, r"must lie in \[0, 1\)"),
        ({"mask_ratio": 0.9}, "at least one patch visible"),
        ({"image_size": 20}, "multiple of `patch_size`"),
        ({"mask_sampler": "blocks"}, "must be a MaskSampler or one of"),
        ({"image_size": (16, 24, 3)}, r"\(height, width\). Received: image_size="),
        ({"num_heads": 3}, "multiple of `num_heads`"),
        ({"num_heads": 0}, "positive integer. Received: num_heads=0"),
        ({"decoder_num_heads": 0}, "`decoder_num_heads` must be a positive integer"),
        ({"patch_size": 0}, "positive integer. Received: patch_size=0"),
        ({"patch_size": 8.0}, "positive integer. Received: patch_size=8.0"),
        ({"embed_dim": -16}, "positive integer. Received: embed_dim=-16"),
        ({"num_channels": 0}, "positive integer. Received: num_channels=0"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(tiny, overrides, message):
    with pytest.raises(ValueError, match=message):
        tiny(**overrides)


def test_sampler_and_preprocessing_travel_in_the_file(tiny, tmp_path):
    preprocessing = keras_mae.Preprocessing((16, 24), 3, mean=0.3, std=0.2)
    model = tiny(mask_sampler=BlockSampler(min_patches=2), preprocessing=preprocessing)
    model.save(tmp_path / "model.keras")
    loaded = keras_mae.load(tmp_path / "model.keras")
    assert loaded.masking.mask_sampler.min_patches == 2
    assert loaded.preprocessing.get_config() == preprocessing.get_config()


def test_a_compiled_model_goes_on_training_after_loading(tiny, images, tmp_path):
    model = tiny()
    model.compile(optimizer=keras_mae.optimizers.AdamW(1e-3))
    model.fit(images, batch_size=4, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras_mae.load(tmp_path / "model.keras")
    expected = model.train_on_batch(images)
    np.testing.assert_allclose(loaded.train_on_batch(images), expected, rtol=1e-6)
