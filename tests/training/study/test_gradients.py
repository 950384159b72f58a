import keras
import numpy as np
import pytest

from training.study.gradients import DrawnGradients, gradient_figures, training_batch
from training.study.variance import variance_components


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(5, 16, 16, 3)).astype("float32")


def test_gradient_is_the_one_that_a_step_of_fit_applies(mae, images):
    model = mae()
    gradient = DrawnGradients(model)(images, 0)
    before = np.concatenate([v.numpy().ravel() for v in model.trainable_variables])
    model.compile(keras.optimizers.SGD(1.0))
    model.fit(images, batch_size=5, shuffle=False, verbose=0)
    after = np.concatenate([v.numpy().ravel() for v in model.trainable_variables])
    np.testing.assert_allclose(before - after, gradient, atol=1e-5)


def test_draws_differ_and_repeat(mae, images):
    gradients = DrawnGradients(mae())
    first, other, again = (gradients(images[:1], draw) for draw in (0, 1, 0))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


def test_weights_stay_as_they_are(mae, images):
    model = mae()
    before = model.get_weights()
    gradient_figures(model, images, 2)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_figures_are_those_of_all_gradients_at_once(mae, images):
    figures = gradient_figures(mae(), images, 3)
    gradients = DrawnGradients(mae())
    of_one = [
        [gradients(images[i : i + 1], 3 * i + j) for j in range(3)] for i in range(5)
    ]
    of_one = np.array(of_one, "float64")  # images, draws, weights
    masks = of_one.var(1, ddof=1).sum(1).mean()
    assert figures["mask_variance"] == pytest.approx(masks)
    of_means = of_one.mean(1).var(0, ddof=1).sum()
    assert figures["image_variance"] == pytest.approx(of_means - masks / 3)
    total = figures["mask_variance"] + figures["image_variance"]
    assert figures["mask_share"] == pytest.approx(masks / total)
    assert figures["noise_scale"] == pytest.approx(total / figures["mean_square"])


def test_equal_images_have_no_variance_but_the_masks(mae, images):
    same = images[:1].repeat(12, 0)
    figures = gradient_figures(mae(), same, 4)
    assert figures["mask_variance"] > 0
    assert abs(figures["image_variance"]) < 0.2 * figures["mask_variance"]


def test_masks_that_are_always_the_same_have_no_variance(mae, images):
    figures = gradient_figures(mae(mask_ratio=0.0), images, 2)
    assert figures["mask_variance"] == pytest.approx(0, abs=1e-9)
    assert figures["cosine_of_draws"] == pytest.approx(1)
    assert figures["image_variance"] > 0


def test_batch_gradient_varies_as_the_images_variances_say(mae, images):
    model = mae()
    gradients = DrawnGradients(model)
    batches = np.array([gradients(images, draw) for draw in range(60)], "float64")
    found = gradient_figures(model, images, 40)["mask_variance"]
    assert batches.var(0, ddof=1).sum() == pytest.approx(found / len(images), rel=0.25)


def test_ratio_to_a_mean_that_cannot_be_told_is_none(mae, images, monkeypatch):
    def far_apart(gradients):
        signs = [[[1.0], [-1.0]], [[1.0], [-1.0]]]
        return variance_components(signs)

    monkeypatch.setattr("training.study.gradients.variance_components", far_apart)
    figures = gradient_figures(mae(), images, 2)
    assert figures["mean_square"] <= 0
    assert figures["noise_scale"] is None
    assert figures["mask_share"] > 0


def test_batch_is_of_training_images_and_repeats(source, mae):
    model, config = mae(), Crops()
    first, same, other = (
        training_batch(source(30), model, config, 6, seed) for seed in (0, 0, 1)
    )
    assert first.shape == (6, 16, 16, 3)
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


class Crops:
    crop_scale, flip = (0.5, 1.0), True
