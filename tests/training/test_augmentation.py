import numpy as np
import pytest
import tensorflow as tf

from keras_mae.program import InputError
from training.augmentation import (
    check_crop,
    clipped_crop_window,
    example_seed,
    random_crop_window,
    random_flip,
)


def windows(height, width, num=2000, draw_window=random_crop_window, **kwargs):
    """Returns an integer array `(num, 4)` of windows, one for each example."""
    draw = tf.function(
        lambda index: draw_window(height, width, example_seed(0, 0, index), **kwargs)
    )
    drawn = tf.map_fn(draw, tf.range(num, dtype=tf.int64), fn_output_signature=tf.int32)
    return drawn.numpy()


def test_windows_lie_inside_the_image():
    top, left, height, width = windows(30, 40).T
    assert min(top.min(), left.min()) == 0
    assert min(height.min(), width.min()) >= 1
    assert (top + height).max() == 30
    assert (left + width).max() == 40


def test_areas_and_aspects_are_uniform_as_in_torchvision():
    # No window of a large square falls outside for these ranges.
    _, _, height, width = windows(1000, 1000, scale=(0.2, 0.7)).T
    areas = height * width / 1e6
    quartiles = [0.2, 0.325, 0.45, 0.575, 0.7]
    np.testing.assert_allclose(
        np.quantile(areas, [0, 0.25, 0.5, 0.75, 1]), quartiles, atol=0.02
    )
    logs = np.log(width / height) / np.log(4 / 3)
    np.testing.assert_allclose(
        np.quantile(logs, [0, 0.25, 0.5, 0.75, 1]), [-1, -0.5, 0, 0.5, 1], atol=0.06
    )


def test_positions_are_uniform():
    top, _, height, _ = windows(100, 100, scale=(0.25, 0.25), aspect=(1, 1)).T
    assert set(height) == {50}
    np.testing.assert_array_equal(np.unique(top), np.arange(51))
    assert abs(top.mean() - 25) < 1


def test_whole_image_with_ranges_of_one():
    drawn = windows(28, 28, num=3, scale=(1, 1), aspect=(1, 1))
    np.testing.assert_array_equal(drawn, [[0, 0, 28, 28]] * 3)


def test_largest_centred_window_where_no_try_fits():
    # A strip 10 times as wide as high: any 90 % of it is wider than 4/3.
    np.testing.assert_array_equal(
        windows(30, 300, num=2, scale=(0.9, 1.0)), [[0, 130, 30, 40]] * 2
    )
    np.testing.assert_array_equal(
        windows(300, 30, num=2, scale=(0.9, 1.0)), [[130, 0, 40, 30]] * 2
    )


def test_one_pixel_has_one_window():
    np.testing.assert_array_equal(windows(1, 1, num=5), [[0, 0, 1, 1]] * 5)
    np.testing.assert_array_equal(windows(1, 50, num=5)[:, 2:], [[1, 1]] * 5)


def clipped_windows(*args, **kwargs):
    return windows(*args, draw_window=clipped_crop_window, **kwargs).T


def test_what_sticks_out_is_clipped_at_the_first_try():
    # Windows of the whole area: as wide as high, or cut off.
    top, left, height, width = clipped_windows(100, 100, scale=(1, 1))
    assert {*top + height, *left + width} <= set(range(101))
    assert (np.maximum(height, width) == 100).all()
    assert np.quantile(np.minimum(height, width), 0) == 87  # sqrt(3 / 4)
    assert np.mean(np.minimum(height, width)) == pytest.approx(93, abs=0.5)


def test_clipped_windows_have_uniform_areas_where_all_fit():
    top, left, height, width = clipped_windows(1000, 1000, scale=(0.08, 0.7))
    quartiles = [0.08, 0.235, 0.39, 0.545, 0.7]
    np.testing.assert_allclose(
        np.quantile(height * width / 1e6, [0, 0.25, 0.5, 0.75, 1]), quartiles, atol=0.02
    )
    free = np.stack([top / (1000 - height), left / (1000 - width)])
    np.testing.assert_allclose(free.mean(1), 0.5, atol=0.03)


def test_clipped_window_of_one_pixel_is_that_pixel():
    drawn = clipped_windows(1, 1, num=5)
    np.testing.assert_array_equal(drawn.T, [[0, 0, 1, 1]] * 5)


def test_flip_mirrors_half_of_the_images():
    pixels = tf.constant([[[1.0], [2.0], [3.0]]])
    firsts = [
        float(random_flip(pixels, example_seed(0, 0, index))[0, 0, 0])
        for index in range(200)
    ]
    assert set(firsts) == {1.0, 3.0}
    assert 80 < firsts.count(3.0) < 120


@pytest.mark.parametrize("other", [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_seed_epoch_and_example_each_change_the_seed(other):
    seed = example_seed(0, 0, 0).numpy()
    np.testing.assert_array_equal(seed, example_seed(0, 0, 0))
    assert (seed != example_seed(*other).numpy()).any()


@pytest.mark.parametrize("scale", [(0, 1), (0.5, 0.2), (0.2, 1.1)])
def test_impossible_scales_are_errors(scale):
    with pytest.raises(InputError, match="crop_scale must be two shares of the area"):
        check_crop(scale, (1, 1))


def test_impossible_aspects_are_errors():
    with pytest.raises(InputError, match="crop_aspect must be two ratios"):
        check_crop((1, 1), (2, 1))
