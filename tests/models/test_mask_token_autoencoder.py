"""BERT-style masking: what is seen, what is hidden, and what it shares with MAE."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_mae
from keras_mae import MaskedAutoencoder, MaskTokenAutoencoder
from keras_mae.layers import BlockSampler, UnitSampler
from keras_mae.models.mask_token_autoencoder import BERT, SIMMIM
from keras_mae.optimizers import pretraining_rules

from ..checks import check_model
from .conftest import TINY
from .test_step_seed import compiled, masks_of

HEADS = ("decoder", "linear")
MASK = np.float32([[0, 1, 1, 0, 1, 0]])


@pytest.fixture
def tokens():
    """Returns a function that makes a tiny `MaskTokenAutoencoder` of 2 x 3 patches."""
    return lambda **overrides: MaskTokenAutoencoder(**{**TINY, **overrides})


def with_changed_patches(images, *patches):
    """Copies images and makes patches of 8 px, in rows of three, another."""
    images = images.copy()
    for patch in patches:
        row, column = divmod(patch, 3)
        images[:, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] += 9.0
    return images


@pytest.mark.parametrize("head", HEADS)
def test_mask_token_autoencoder_is_a_keras_model(images, head):
    noise = np.random.default_rng(1).random((4, 6)).astype("float32")
    inputs = {"images": images, "noise": noise}
    shares = {"corruption": (0.5, 0.25, 0.25)}
    config = {**TINY, "depth": 1, "prediction_head": head, **shares}
    check_model(MaskTokenAutoencoder, config, inputs, stays_float32=("mask",))


@pytest.mark.parametrize("head", HEADS)
def test_predicts_every_patch(tokens, images, head):
    outputs = tokens(prediction_head=head)(images)
    assert outputs["pred"].shape == (4, 6, 8 * 8 * 3)
    np.testing.assert_array_equal(np.sum(outputs["mask"], axis=1), [3, 3, 3, 3])


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("training", [False, True])
def test_hidden_pixels_do_not_touch_the_prediction(tokens, images, head, training):
    model, mask = tokens(prediction_head=head), np.repeat(MASK, 4, axis=0)

    def predict(images):
        return model({"images": images, "mask": mask}, training=training)["pred"]

    pred = predict(images)
    np.testing.assert_array_equal(predict(with_changed_patches(images, 1, 2, 4)), pred)
    assert np.any(predict(with_changed_patches(images, 0)) != pred)


def test_corruption_lets_some_hidden_patches_be_seen_in_training_alone(tokens, images):
    model = compiled(tokens(prediction_head="linear", corruption=(0.4, 0.3, 0.3)))
    changed = with_changed_patches(images, 1, 2, 4)
    mask = np.repeat(MASK, 4, axis=0)
    for training in (False, True):
        preds = [
            model({"images": x, "mask": mask}, training=training)["pred"]
            for x in (images, changed)
        ]
        assert np.any(preds[0] != preds[1]) == training


def test_corruption_follows_the_step(tokens, images):
    model = compiled(
        tokens(prediction_head="linear", **{"corruption": (0.4, 0.3, 0.3)})
    )
    inputs = {"images": images, "mask": np.repeat(MASK, 4, axis=0)}
    first = model(inputs, training=True)["pred"]
    np.testing.assert_array_equal(model(inputs, training=True)["pred"], first)
    model.optimizer.iterations.assign_add(1)
    assert np.any(model(inputs, training=True)["pred"] != first)


def test_masks_are_those_of_a_masked_autoencoder(tiny, tokens, images):
    masks = masks_of(compiled(tiny(seed=3)), images, 3)
    for arguments in ({}, {"prediction_head": "linear", "corruption": (0.8, 0.1, 0.1)}):
        others = masks_of(compiled(tokens(seed=3, **arguments)), images, 3)
        np.testing.assert_array_equal(others, masks)


def test_parts_are_those_of_a_masked_autoencoder(tiny, tokens):
    ours = {weight.path.split("/", 1)[1] for weight in tokens().weights}
    maes = {weight.path.split("/", 1)[1] for weight in tiny().weights}
    assert ours - maes == {"patch_corruption/mask_token"}
    assert maes - ours == {"decoder/mask_token"}


def test_with_nothing_hidden_it_computes_what_a_masked_autoencoder_does(
    tiny, tokens, images
):
    mae, ours = tiny(mask_ratio=0.0), tokens(mask_ratio=0.0)
    values = {weight.path.split("/", 1)[1]: weight for weight in mae.weights}
    for weight in ours.weights:
        name = weight.path.split("/", 1)[1]
        if name in values:
            weight.assign(values[name])
    inputs = {"images": images, "mask": np.zeros((4, 6), "float32")}
    np.testing.assert_allclose(ours(inputs)["pred"], mae(inputs)["pred"], atol=1e-6)


def test_training_predicts_the_same_of_hidden_patches(tokens, images):
    model, inputs = tokens(), {"images": images, "mask": np.repeat(MASK, 4, axis=0)}
    expected = model(inputs)["pred"] * MASK[..., None]
    pred = model(inputs, training=True)["pred"]
    np.testing.assert_allclose(pred, expected, atol=1e-6)


@pytest.mark.parametrize("pixel_loss", ["l1", "l2"])
def test_loss_is_the_mean_over_hidden_patches(tokens, images, pixel_loss):
    model = tokens(pixel_loss=pixel_loss)
    mask = np.float32([[1, 1, 1, 0, 0, 0]] * 4)
    pred = np.zeros((4, 6, 192), "float32")
    loss = model.compute_loss(x=images, y_pred={"pred": pred, "mask": mask})
    error = np.abs(images[:, :8]) if pixel_loss == "l1" else images[:, :8] ** 2
    np.testing.assert_allclose(loss, np.mean(error), rtol=1e-5)


@pytest.mark.parametrize("head", HEADS)
def test_nothing_hidden_makes_a_plain_autoencoder(tokens, images, head):
    model = tokens(depth=1, mask_ratio=0.0, prediction_head=head)
    model.compile(optimizer=keras.optimizers.SGD(1e-1))
    np.testing.assert_array_equal(model(images)["mask"], np.zeros((4, 6)))
    losses = model.fit(images, epochs=5, batch_size=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    "system", [BERT, *(pytest.param(s, marks=pytest.mark.slow) for s in ({}, SIMMIM))]
)
def test_a_compiled_step_computes_the_same(tokens, images, system):
    losses = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(0)
        model = tokens(depth=1, **system)
        model.compile(keras.optimizers.SGD(0.1), jit_compile=jit_compile)
        history = model.fit(images, batch_size=4, epochs=3, shuffle=False, verbose=0)
        losses.append(history.history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    assert losses[0][2] < losses[0][0]


def test_a_batch_in_parts_computes_the_same(tokens, images):
    losses = []
    for parts in (1, 2):
        keras.utils.set_random_seed(0)
        model = compiled(tokens(depth=1, **BERT))
        model.accumulation_steps = parts
        history = model.fit(images, batch_size=4, epochs=3, shuffle=False, verbose=0)
        losses.append(history.history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


def test_images_may_hide_different_numbers_of_patches(tokens, images):
    model = tokens()
    mask = np.float32([[1, 1, 1, 1, 1, 0], [0, 1, 0, 0, 0, 0]])
    together = model({"images": images[:2], "mask": mask})
    np.testing.assert_array_equal(together["mask"], mask)
    for i in range(2):
        alone = model({"images": images[i : i + 1], "mask": mask[i : i + 1]})
        np.testing.assert_allclose(together["pred"][i], alone["pred"][0], atol=1e-6)


def test_encoder_hides_nothing_and_judges_and_classifiers_take_it(tokens, images):
    model = tokens(**SIMMIM)
    assert model.encoder(images).shape == (4, 1 + 6, 16)
    classifier = keras_mae.ViTClassifier.from_encoder(model.encoder, 3)
    assert classifier(images).shape == (4, 3)


def test_reconstruction_pastes_what_was_visible(tokens, images):
    model, mask = tokens(**BERT), np.float32([[1, 0, 0, 1, 0, 0]] * 4)
    pictures = model.reconstruct(images, mask)
    pixels = model.preprocessing.denormalise(images)
    np.testing.assert_allclose(
        pictures["pasted"][:, :, 8:], pixels[:, :, 8:], atol=1e-3
    )
    np.testing.assert_allclose(
        pictures["pasted"][:, :, :8], pictures["reconstruction"][:, :, :8]
    )


@pytest.mark.parametrize("head", HEADS)
def test_optimizers_have_a_rule_for_every_variable(tokens, head):
    rules = pretraining_rules(tokens(prediction_head=head), 0.05)
    assert rules["mask_token"].weight_decay == 0.05
    assert rules["decoder_pred.bias"].weight_decay == 0.0


def test_everything_travels_in_the_file(tokens, images, tmp_path):
    sampler = UnitSampler(BlockSampler(min_patches=2), 2)
    model = tokens(**{**SIMMIM, **BERT, "mask_sampler": sampler, "pixel_loss": "l1"})
    model.compile(optimizer=keras_mae.optimizers.AdamW(1e-3))
    model.fit(images, batch_size=4, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras_mae.load(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    assert loaded.masking.mask_sampler.unit == 2
    np.testing.assert_array_equal(loaded(images)["pred"], model(images)["pred"])
    expected = model.train_on_batch(images)
    np.testing.assert_allclose(loaded.train_on_batch(images), expected, rtol=1e-6)


@pytest.mark.parametrize("name", keras_mae.list_presets())
def test_every_preset_of_mae_is_one_of_mask_tokens(name):
    with tf.Graph().as_default():  # no numbers are drawn
        model = MaskTokenAutoencoder.from_preset(name, depth=2, **SIMMIM)
        mae = MaskedAutoencoder.from_preset(name, depth=2)
    assert model.encoder.get_config() == mae.encoder.get_config()
    assert model.mask_ratio == 0.6


def test_simmims_unit_is_two_patches_of_a_side():
    with tf.Graph().as_default():
        model = MaskTokenAutoencoder.from_preset(
            "mae_vit_base_patch16", depth=1, **SIMMIM
        )
    assert model.masking.mask_sampler.unit * model.encoder.patch_size == 32
    assert (model.pixel_loss, model.prediction_head) == ("l1", "linear")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"prediction_head": "linaer"}, "did you mean linear"),
        ({"pixel_loss": "mse"}, "choose from l1, l2"),
        ({"corruption": (0.8, 0.1, 0.2)}, "three shares that add up to 1"),
        ({"mask_ratio": 1.0}, r"must lie in \[0, 1\)"),
        ({"mask_ratio": 0.9}, "at least one patch visible"),
        ({"image_size": 20}, "multiple of `patch_size`"),
        ({"mask_sampler": "blocks"}, "must be a MaskSampler or one of"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(tokens, overrides, message):
    with pytest.raises(ValueError, match=message):
        tokens(**overrides)


def test_other_formats_than_keras_are_refused(tokens, tmp_path):
    with pytest.raises(ValueError, match=r"saved as \.keras alone"):
        keras_mae.save(tokens(), tmp_path / "model.safetensors")
