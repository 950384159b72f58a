import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_mae
from keras_mae import ContextInpainter
from keras_mae.context_presets import CONTEXT_INPAINTERS
from keras_mae.optimizers import pretraining_rules

from ..checks import check_model

TINY = {"image_size": 16, "filters": (4, 6), "bottleneck": 8, "overlap": 2}


@pytest.fixture
def tiny():
    """Returns a function that makes a tiny `ContextInpainter`."""
    keras.utils.set_random_seed(0)
    return lambda **overrides: ContextInpainter(**{**TINY, **overrides})


@pytest.fixture
def images():
    """Four images of 16 px in [-1, 1]."""
    uniform = np.random.default_rng(0).uniform
    return uniform(-1, 1, size=(4, 16, 16, 3)).astype("float32")


def squares(*holes):
    """Returns the mask of one image of 16 px, `(1, 256)`; holes are slices."""
    mask = np.zeros((16, 16), "float32")
    for rows, columns in holes:
        mask[rows, columns] = 1
    return mask.reshape(1, -1)


CENTRE = squares((slice(6, 10), slice(6, 10)))  # the central 8, but for a band of 2


@pytest.mark.parametrize("name", CONTEXT_INPAINTERS)
def test_presets_have_as_many_parameters_as_they_say(name):
    with tf.Graph().as_default():  # without any numbers
        model = ContextInpainter.from_preset(name)
    counted = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    assert counted == CONTEXT_INPAINTERS[name].parameters


@pytest.mark.parametrize(
    "mask_sampler", ["centre", pytest.param("region", marks=pytest.mark.slow)]
)
def test_inpainter_is_a_keras_model(images, mask_sampler):
    keras.utils.set_random_seed(0)
    noise = np.random.default_rng(1).random((4, 256)).astype("float32")
    inputs = {"images": images, "noise": noise}
    config = {**TINY, "mask_sampler": mask_sampler}
    check_model(ContextInpainter, config, inputs, stays_float32=("mask",))


def test_the_centre_is_hidden_but_for_the_overlap(tiny, images):
    outputs = tiny()(images)
    np.testing.assert_array_equal(outputs["mask"], np.repeat(CENTRE, 4, axis=0))
    painted = np.any(np.array(outputs["pred"])[0] != 0, axis=-1).reshape(16, 16)
    expected = squares((slice(4, 12), slice(4, 12))).reshape(16, 16)
    np.testing.assert_array_equal(painted, expected)


@pytest.mark.parametrize("mask_sampler", ["squares", "region", "random"])
def test_of_other_holes_a_quarter_is_hidden_and_all_is_painted(
    tiny, images, mask_sampler
):
    outputs = tiny(mask_sampler=mask_sampler)(images)
    np.testing.assert_array_equal(np.mean(outputs["mask"], axis=1), [0.25] * 4)
    assert np.all(np.any(np.array(outputs["pred"]) != 0, axis=-1))


def test_hidden_pixels_never_influence_the_prediction(tiny, images):
    model, changed = tiny(), images[:1].copy()
    changed[:, 6:10, 6:10] = np.nan
    pred = np.array(model({"images": images[:1], "mask": CENTRE})["pred"])
    hidden = model({"images": changed, "mask": CENTRE})["pred"]
    np.testing.assert_array_equal(hidden, pred)
    changed[:, 5, 5] = 1.0  # of the band
    changed[:, 6:10, 6:10] = 0.0
    assert np.any(model({"images": changed, "mask": CENTRE})["pred"] != pred)


def test_holes_are_filled_with_the_mean_red_first(tiny):
    expected = 2 * np.array(keras_mae.preprocessing.IMAGENET_MEAN) - 1
    np.testing.assert_allclose(tiny().hole_value, expected, atol=1e-6)
    theirs = tiny(fill=(117, 104, 123)).hole_value
    np.testing.assert_allclose(theirs, np.array([117, 104, 123]) / 127.5 - 1, atol=1e-6)


def test_loss_weighs_the_band_ten_times(tiny, images):
    model = tiny()
    pred = np.array(images[:1])
    pred[:, 6, 6] += 3.0  # in the hole
    pred[:, 4, 4] += 1.0  # in the band
    pred[:, 0, 0] += 99.0  # neither
    outputs = {"pred": pred.reshape(1, 256, 3), "mask": CENTRE}
    loss = model.compute_loss(x=images[:1], y_pred=outputs)
    np.testing.assert_allclose(loss, (9 + 10 * 1) / 64, rtol=1e-5)


def test_losses_add_up_as_999_and_1(tiny, images):
    model = tiny()
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    logs = model.fit(images, batch_size=4, verbose=0).history
    (joint,), (l2,), (fooled,) = (
        logs[name] for name in ("loss", "reconstruction_loss", "adversarial_loss")
    )
    np.testing.assert_allclose(joint, 0.999 * l2 + 0.001 * fooled, rtol=1e-6)
    assert logs["discriminator_loss"][0] > 0


def test_each_network_steps_along_its_own_loss(tiny, images):
    """Two plain gradients, one of each loss, are what SGD of rate 1 subtracts."""
    model = tiny(seed=3)
    model.compile(optimizer=keras.optimizers.SGD(1.0), run_eagerly=True)
    before = model.get_weights()
    with tf.GradientTape(persistent=True) as tape:
        outputs = model(images, training=True)
        painted = tf.reshape(outputs["pred"], (4, 16, 16, 3))[:, 4:12, 4:12]
        real, fake = (
            model.discriminator(part, training=True)
            for part in (images[:, 4:12, 4:12], painted)
        )
        game = tf.reduce_mean(-tf.math.log_sigmoid(real) - tf.math.log_sigmoid(-fake))
        fooled = -tf.reduce_mean(tf.math.log_sigmoid(fake))
        l2 = model.compute_loss(x=images, y_pred=outputs)
        joint = 0.999 * l2 + 0.001 * fooled
    judge = model.discriminator.convolutions[0].kernel
    paint = model.decoder.up_convolutions[-1].kernel
    expected = [
        w - tape.gradient(loss, w.value) for w, loss in ((judge, game), (paint, joint))
    ]
    model.set_weights(before)
    model.train_on_batch(images)
    np.testing.assert_allclose(judge, expected[0], atol=1e-5)
    np.testing.assert_allclose(paint, expected[1], atol=1e-5)


def test_the_generator_is_ten_times_as_fast(tiny, images):
    model = tiny()
    model.compile(model.make_optimizer(), run_eagerly=True)
    before = [np.array(w) for w in model.trainable_weights]
    model.train_on_batch(images)
    steps = {
        w.path: np.max(np.abs(w - old))
        for w, old in zip(model.trainable_weights, before, strict=True)
    }
    # Adam's first step is the learning rate, whatever the gradient.
    for path, step in steps.items():
        rate = 2e-4 if "/discriminator/" in path else 2e-3
        np.testing.assert_allclose(step, rate, rtol=1e-2, err_msg=path)


def test_rules_of_pre_training_scale_the_discriminator(tiny):
    rules = pretraining_rules(tiny(), 0.0)
    assert (
        rules["context_inpainter/discriminator/judge/kernel"].learning_rate_scale == 0.1
    )
    assert rules["encoder/convolutions_0/kernel"].learning_rate_scale == 1.0


def test_xla_compiles_the_whole_step(tiny, images):
    def after_a_step(jit_compile):
        keras.utils.set_random_seed(0)
        model = tiny(mask_sampler="region")
        model.compile(optimizer=keras.optimizers.SGD(0.1), jit_compile=jit_compile)
        model.train_on_batch(images)
        return np.concatenate([np.ravel(weight) for weight in model.get_weights()])

    np.testing.assert_allclose(after_a_step(True), after_a_step(False), atol=1e-4)


def test_the_same_seed_and_step_make_the_same_step(tiny, images):
    def after_two_steps(seed):
        keras.utils.set_random_seed(0)
        model = tiny(mask_sampler="squares", seed=seed)
        model.compile(model.make_optimizer(), run_eagerly=True)
        for _ in range(2):
            model.train_on_batch(images)
        return np.concatenate([np.ravel(weight) for weight in model.get_weights()])

    np.testing.assert_array_equal(after_two_steps(1), after_two_steps(1))
    assert np.any(after_two_steps(1) != after_two_steps(2))


@pytest.mark.slow
def test_two_replicas_make_the_step_of_the_whole_batch(tiny, images):
    def after_a_step(strategy):
        with strategy.scope():
            keras.utils.set_random_seed(0)
            model = tiny(mask_sampler="squares")
            model.compile(optimizer=keras.optimizers.SGD(0.1))
        model.fit(
            tf.data.Dataset.from_tensor_slices(images).batch(4),
            verbose=0,
            shuffle=False,
        )
        return np.concatenate([np.ravel(w) for w in model.get_weights()])

    one = after_a_step(tf.distribute.OneDeviceStrategy("CPU:0"))
    two = after_a_step(
        tf.distribute.MirroredStrategy(
            ["CPU:0", "CPU:1"],
            cross_device_ops=tf.distribute.HierarchicalCopyAllReduce(),
        )
    )
    np.testing.assert_allclose(two, one, atol=1e-5)


def test_a_batch_cannot_be_judged_in_parts(tiny, images):
    model = tiny()
    model.compile(model.make_optimizer())
    model.accumulation_steps = 2
    with pytest.raises(ValueError, match="must be 1: batch norm .* Received: 2 parts"):
        model.fit(images, batch_size=4, verbose=0)


def test_evaluation_is_of_the_l2_loss_alone(tiny, images):
    model = tiny()
    model.compile(model.make_optimizer())
    judged = model.evaluate(images, batch_size=4, verbose=0, return_dict=True)
    loss = model.compute_loss(x=images, y_pred=model(images))
    np.testing.assert_allclose(judged["loss"], loss, rtol=1e-5)
    assert list(judged) == ["loss"]


def test_reconstruction_pastes_what_was_visible(tiny, images):
    model = tiny()
    pictures = model.reconstruct(images[:1])
    pixels = model.preprocessing.denormalise(images[:1])
    difference = np.abs(pictures["pasted"] - pixels).max(axis=(0, 3)) > 1e-3
    np.testing.assert_array_equal(difference, CENTRE.reshape(16, 16) > 0)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"image_size": 18}, "must be multiples of 4, 2 for each of `filters`"),
        ({"mask_ratio": 0.5}, "must be at most 0.25 with mask_sampler='centre'"),
        ({"overlap": 4}, "must leave a hole in the central half"),
        ({"overlap": 1, "patch_size": 4}, "of whole squares of 4 px"),
        (
            {"preprocessing": keras_mae.Preprocessing(16, 3)},
            r"must map pixels to \[-1, 1\], which is what tanh reaches",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused(tiny, overrides, message):
    with pytest.raises(ValueError, match=message):
        tiny(**overrides)


def test_a_compiled_model_goes_on_training_after_loading(tiny, images, tmp_path):
    model = tiny()
    model.compile(model.make_optimizer())
    model.fit(images, batch_size=4, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras_mae.load(tmp_path / "model.keras")
    expected = model.train_on_batch(images)
    np.testing.assert_allclose(loaded.train_on_batch(images), expected, rtol=1e-5)
