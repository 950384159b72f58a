import math

import keras
import numpy as np
import pytest

import keras_mae
from keras_mae import ContextEncoder
from keras_mae.context_presets import CONTEXT_ENCODERS

from ..checks import check_model

TINY = {
    "image_size": (16, 24),
    "filters": (8, 8),
    "kernel_sizes": (3, 3),
    "strides": (1, 1),
    "pooled": (True, True),
    "pool_size": 2,
    "decoder_filters": (8,),
    "patch_size": 4,
}
# Of 4 x 6 squares, the left upper one and its neighbour.
MASK = np.float32([[1, 1] + 22 * [0]])


@pytest.fixture
def tiny():
    """Returns a function that makes a tiny `ContextEncoder` of 4 x 6 squares."""
    keras.utils.set_random_seed(0)  # a filter may be dead at birth
    return lambda **overrides: ContextEncoder(**{**TINY, **overrides})


@pytest.fixture
def images():
    """Four images of 16 x 24 px."""
    return np.random.default_rng(0).normal(size=(4, 16, 24, 3)).astype("float32")


def test_context_encoder_is_a_keras_model(images):
    keras.utils.set_random_seed(0)
    noise = np.random.default_rng(1).random((4, 24)).astype("float32")
    inputs = {"images": images, "noise": noise}
    check_model(ContextEncoder, TINY, inputs, stays_float32=("mask",))


@pytest.mark.parametrize("name", CONTEXT_ENCODERS)
def test_presets_have_as_many_parameters_as_they_say(name):
    model = ContextEncoder.from_preset(name)
    counted = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    assert counted == CONTEXT_ENCODERS[name].parameters


def test_the_papers_layer_between_maps_has_m_n_to_the_4_weights():
    model = ContextEncoder.from_preset("context_encoder_alexnet")
    assert model.decoder.channelwise.count_params() == 331_776
    assert len(model.decoder.up_convolutions) == 5


def test_near_presets_are_named():
    with pytest.raises(ValueError, match="did you mean .*context_encoder_alexnet"):
        ContextEncoder.from_preset("context_encoder_alex")


def test_a_quarter_of_the_pixels_is_hidden_by_default(images):
    model = ContextEncoder(**{**TINY, "patch_size": 1})
    outputs = model(images)
    assert outputs["pred"].shape == (4, 16 * 24, 3)
    np.testing.assert_array_equal(np.mean(outputs["mask"], axis=1), [0.25] * 4)


def test_hidden_pixels_never_influence_the_prediction(tiny, images):
    model, changed = tiny(), images[:1].copy()
    changed[:, :4, :8] = np.nan
    inputs = {"images": images[:1], "mask": MASK}
    pred = np.array(model(inputs)["pred"])
    changed_pred = model({"images": changed, "mask": MASK})["pred"]
    np.testing.assert_array_equal(changed_pred, pred)
    changed[:, :4, :8] = 0.0
    changed[:, 4:, 8:] = 9.0
    assert np.any(model({"images": changed, "mask": MASK})["pred"] != pred)


def test_a_hole_is_seen_as_the_mean_of_the_pixels(tiny, images):
    model, filled = tiny(), images[:1].copy()
    grey = 255 * np.ones((4, 8, 3)) * model.preprocessing.mean
    filled[:, :4, :8] = model.preprocessing.normalise(grey)
    expected = model({"images": filled, "mask": 0 * MASK})["pred"]
    hidden = model({"images": images[:1], "mask": MASK})["pred"]
    np.testing.assert_allclose(hidden, expected, atol=1e-5)


def test_a_filling_is_in_pixels_red_first(tiny):
    model = tiny(fill=(117, 104, 123))
    mean, std = keras_mae.preprocessing.IMAGENET_MEAN, model.preprocessing.std
    expected = (np.array([117, 104, 123]) / 255 - mean) / std
    np.testing.assert_allclose(model.hole_value, expected, atol=1e-6)
    np.testing.assert_array_equal(tiny().hole_value, [0, 0, 0])
    assert ContextEncoder.from_config(model.get_config()).fill == (117, 104, 123)


def test_loss_is_the_mean_over_hidden_pixels(tiny, images):
    model = tiny()
    outputs = {"pred": np.zeros((1, 24, 48), "float32"), "mask": MASK}
    loss = model.compute_loss(x=images[:1], y_pred=outputs)
    np.testing.assert_allclose(loss, np.mean(images[:1, :4, :8] ** 2), rtol=1e-5)


def test_loss_falls(tiny, images):
    model = tiny(mask_sampler="centre")
    model.compile(optimizer=keras.optimizers.SGD(1e-1))
    losses = model.fit(images, epochs=5, batch_size=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_masks_follow_seed_and_step(tiny, images):
    def masks(seed):
        model = tiny(mask_sampler="squares", seed=seed)
        model.compile(optimizer=keras.optimizers.SGD(0.0))
        drawn = []
        for step in range(2):
            model.optimizer.iterations.assign(step)
            drawn.append(np.array(model(images, training=True)["mask"]))
        return drawn

    first, again, other = masks(1), masks(1), masks(2)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first, other)


def test_a_batch_in_parts_is_the_same_step(tiny, images):
    def weights(parts):
        keras.utils.set_random_seed(0)
        model = tiny()
        model.compile(optimizer=keras.optimizers.SGD(1.0))
        model.accumulation_steps = parts
        model.fit(images, batch_size=4, verbose=0)
        return np.concatenate([np.ravel(weight) for weight in model.get_weights()])

    np.testing.assert_allclose(weights(2), weights(1), atol=1e-6)


def test_reconstruction_pastes_what_was_visible(tiny, images):
    model = tiny()
    pictures = model.reconstruct(images[:1], MASK)
    pixels = model.preprocessing.denormalise(images[:1])
    pasted, painted = pictures["pasted"], pictures["reconstruction"]
    np.testing.assert_allclose(pasted[:, 4:], pixels[:, 4:], atol=1e-3)
    np.testing.assert_allclose(pasted[:, :4, :8], painted[:, :4, :8], atol=1e-3)
    np.testing.assert_array_equal(pictures["mask"], MASK)


def test_encoder_sees_whole_images(tiny, images):
    encoder = tiny().encoder
    assert encoder(images).shape == (4, 4 * 6, 8)
    assert encoder.features(images).shape == (4, 8)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"image_size": 18}, r"18 is not, the nearest are \[16, 20\]"),
        ({"patch_size": 5}, "multiple of `patch_size`"),
        ({"patch_size": 0}, "positive integer. Received: patch_size=0"),
        ({"decoder_filters": (8, 8)}, "must be 1, one an up-convolution but the last"),
        ({"mask_ratio": 1.0}, r"must lie in \[0, 1\)"),
        ({"mask_sampler": "center"}, "must be a MaskSampler or one of"),
        ({"fill": (1, 2)}, "must be one pixel value or one a channel"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(tiny, overrides, message):
    with pytest.raises(ValueError, match=message):
        tiny(**overrides)


def test_a_file_tells_everything(tiny, images, tmp_path):
    model = tiny(mask_sampler="squares", fill=7.0)
    model.save(tmp_path / "model.keras")
    loaded = keras_mae.load(tmp_path / "model.keras")
    assert loaded.fill == 7.0
    np.testing.assert_array_equal(loaded(images)["pred"], model(images)["pred"])
