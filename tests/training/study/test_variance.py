import itertools

import numpy as np
import pytest

from training.study.variance import Scatter, cosines, variance_components

WEIGHTS = np.array([0.5, -1.0, 2.0])
IMAGES = np.array([[1.0, 2.0, 0.5], [-1.0, 0.5, 1.5], [2.0, -0.5, 1.0], [0.3, 1.0, -2]])
TARGETS = np.array([1.0, -2.0, 0.5, 0.0])
MASKS = np.array(list(itertools.product([0, 1], repeat=3)))  # all, equally likely


def linear_gradients():
    """Gradients of `(w (mask * x) - y)^2 / 2`, images by masks: `(4, 8, 3)`."""
    seen = MASKS[None] * IMAGES[:, None]
    return (seen @ WEIGHTS - TARGETS[:, None])[..., None] * seen


def exact(gradients):
    """The components of a population, by their definitions."""
    means = gradients.mean(1)
    return {
        "mask_variance": ((gradients - means[:, None]) ** 2).sum(2).mean(),
        "image_variance": ((means - means.mean(0)) ** 2).sum(1).mean(),
        "mean_square": (means.mean(0) ** 2).sum(),
    }


def drawn(population, rng, images, draws):
    chosen = rng.integers(0, len(population), images)
    masks = rng.integers(0, population.shape[1], (images, draws))
    return population[chosen[:, None], masks]


@pytest.mark.parametrize(("images", "draws"), [(2, 2), (5, 2), (2, 6)])
def test_components_of_a_linear_model_are_unbiased(images, draws):
    population, rng = linear_gradients(), np.random.default_rng(0)
    found = [
        variance_components(drawn(population, rng, images, draws)) for _ in range(4000)
    ]
    for name, expected in exact(population).items():
        values = np.array([getattr(components, name) for components in found])
        error = values.std() / np.sqrt(len(values))
        assert abs(values.mean() - expected) < 4 * error, name


def test_square_of_the_mean_alone_would_be_biased():
    population, rng = linear_gradients(), np.random.default_rng(0)
    naive = [
        (drawn(population, rng, 5, 2).mean((0, 1)) ** 2).sum() for _ in range(4000)
    ]
    error = np.std(naive) / np.sqrt(len(naive))
    assert np.mean(naive) - exact(population)["mean_square"] > 10 * error


def test_batch_square_is_unbiased_for_its_images():
    rng = np.random.default_rng(0)
    population = linear_gradients()[:2]
    images = np.arange(2)[:, None]
    values = [
        variance_components(population[images, rng.integers(0, 8, (2, 3))]).batch_square
        for _ in range(4000)
    ]
    expected = (population.mean((0, 1)) ** 2).sum()
    assert abs(np.mean(values) - expected) < 4 * np.std(values) / np.sqrt(len(values))


def test_components_can_be_checked_by_hand():
    # Two images whose draws lie 1 to both sides of 0 and of 4.
    found = variance_components([[[-1.0], [1.0]], [[3.0], [5.0]]])
    assert found.mask_variance == 2  # (1 + 1) / (2 - 1)
    assert found.image_variance == 8 - 2 / 2
    assert found.mean_square == 4 - 8 / 2
    assert found.batch_square == 4 - 2 / 4


def test_scatter_does_not_cancel_far_from_zero():
    scatter = Scatter()
    for value in (1e8, 1e8 + 1, 1e8 + 2):
        scatter.add([value])
    assert scatter.squares == pytest.approx(2)


def test_vectors_may_come_from_generators():
    vectors = [[[1.0, 2.0], [3.0, 1.0]], [[0.0, 1.0], [2.0, 2.0]]]
    assert variance_components(iter(map(iter, vectors))) == variance_components(vectors)


@pytest.mark.parametrize("draws", [[], [[[1.0], [2.0]]], [[[1.0]], [[2.0]]]])
def test_too_few_draws_are_refused(draws):
    with pytest.raises(ValueError, match="at least two images with the same number"):
        variance_components(draws)


def test_different_numbers_of_draws_are_refused():
    with pytest.raises(ValueError, match=r"2 images of \[1, 2\] draws"):
        variance_components([[[1.0], [2.0]], [[3.0]]])


def test_cosines_are_of_pairs_that_share_nothing():
    right, up = np.array([2.0, 0.0]), np.array([0.0, 3.0])
    np.testing.assert_allclose(cosines([right, up, up, up]), [0, 1])
