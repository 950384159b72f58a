import numpy as np
import pytest

from training.study.distance import ErrorByDistance, distance_figures, nearest_visible


def test_distance_is_to_the_nearest_visible_patch():
    mask = [[0, 1, 1, 1, 1, 1]]
    distances = nearest_visible(mask, (2, 3))
    np.testing.assert_allclose(distances, [[0, 1, 2, 1, 2**0.5, 5**0.5]], rtol=1e-6)


def test_each_image_has_its_own_distances():
    distances = nearest_visible([[0, 1, 1], [1, 1, 0]], (1, 3))
    np.testing.assert_array_equal(distances, [[0, 1, 2], [2, 1, 0]])


def test_errors_are_averaged_at_each_rounded_distance():
    sums = ErrorByDistance()
    sums.add(np.array([1.0, 1.4, 2.0]), np.array([1.0, 3.0, 5.0]), np.full(3, 4.0))
    sums.add(np.array([2.2]), np.array([7.0]), np.array([2.0]))
    figures = sums.figures()
    assert figures["error_at_1"] == 2
    assert figures["error_at_2"] == 6
    assert figures["relative_error_at_1"] == 0.5
    assert figures["relative_error_at_2"] == 2
    assert figures["patches_at_1"] == 0.5
    assert figures["error"] == 4
    assert figures["relative_error"] == pytest.approx(16 / 14)


def test_error_of_all_hidden_patches_is_the_models_loss(source, mae):
    model = mae(mask_sampler="rectangle")
    figures = distance_figures(model, source(64), 64, seed=3)
    images = distance_images(source(64), model)
    mask = model.masking(model.patchify(images), seed=np.array([3, 0]))["mask"]
    outputs = model({"images": images, "mask": mask})
    loss = model.compute_loss(x=images, y_pred=outputs)
    assert figures["error"] == pytest.approx(float(loss), rel=1e-4)
    shares = [value for name, value in figures.items() if name.startswith("patches")]
    assert sum(shares) == pytest.approx(1)


def distance_images(source, model):
    pixels = np.stack([source.read(i)["image"] for i in range(64)])
    return model.preprocessing(pixels)
