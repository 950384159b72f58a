import sys

import numpy as np
import pytest
import tensorflow as tf

from keras_mae.program import InputError
from training.pixel_ops import pixel_ops
from training.rand_augment import RandAugment

FILL = np.float32([10, 20, 30])


@pytest.fixture(scope="module")
def ops():
    return pixel_ops(FILL)


@pytest.fixture(scope="module")
def augmented():
    """Sixty augmentations of the same random picture, and the picture."""
    augment, pixels = RandAugment(FILL), picture()
    dataset = tf.data.Dataset.range(60).map(lambda i: augment(pixels, tf.stack([i, 7])))
    return np.array(list(dataset)), pixels


def picture(size=12):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (size, size, 3)).astype("float32")


def apply(op, pixels, level=10.0, sign=1.0):
    values = (tf.constant(value, tf.float32) for value in (pixels, level, sign))
    return np.array(op(*values))


def test_there_are_timms_fifteen_operations(ops):
    assert len(ops) == 15


def test_pictures_stay_pictures(augmented):
    images, pixels = augmented
    assert images.shape == (60, *pixels.shape)
    assert images.min() >= 0
    assert images.max() <= 255


def test_a_quarter_is_left_alone_and_the_rest_differ(augmented):
    # Each of two operations is left out half of the time.
    images, pixels = augmented
    same = (images == pixels).all(axis=(1, 2, 3))
    assert 0.1 < same.mean() < 0.45
    assert len(np.unique(images[~same].reshape(-1, pixels.size), axis=0)) > 30


def test_seeds_alone_decide(augmented):
    images, pixels = augmented
    augment = RandAugment(FILL)
    dataset = tf.data.Dataset.from_tensor_slices(np.arange(60)[::-1]).map(
        lambda i: augment(pixels, tf.stack([i, 7])), num_parallel_calls=4
    )
    np.testing.assert_array_equal(list(dataset)[::-1], images)


@pytest.mark.parametrize(
    ("name", "level", "sign", "expected"),
    [
        ("invert", 0, 1, [245, 155]),
        ("solarize", 5, 1, [10, 100]),  # from 128 on
        ("solarize", 9, 1, [10, 155]),  # from 26 on
        ("solarize_add", 10, 1, [120, 210]),
        ("posterize", 0, 1, [0, 96]),  # four bits
        ("posterize", 9, 1, [0, 0]),  # one bit
        ("brightness", 10, 1, [19, 190]),
        ("brightness", 10, -1, [1, 10]),
        ("brightness", 0, 1, [10, 100]),
    ],
)
def test_levels_are_timms(ops, name, level, sign, expected):
    pixels = np.tile(np.float32([[10], [100]])[..., None], (1, 1, 3))  # two grey pixels
    after = apply(ops[name], pixels, float(level), float(sign))
    np.testing.assert_allclose(after[:, 0, 0], expected, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "rows", "columns"), [("translate_x", 0, 9), ("translate_y", 9, 0)]
)
def test_translations_move_by_nearly_half_and_show_the_fill(ops, name, rows, columns):
    after = apply(ops[name], picture(20))
    expected = np.broadcast_to(FILL, (20, 20, 3)).copy()
    expected[rows:, columns:] = picture(20)[: 20 - rows, : 20 - columns]
    np.testing.assert_allclose(after, expected, atol=1e-3)


def test_signs_move_to_opposite_sides(ops):
    right, left = (apply(ops["translate_x"], picture(20), 10, s) for s in (1.0, -1.0))
    np.testing.assert_allclose(right[:, 0], np.tile(FILL, (20, 1)), atol=1e-3)
    np.testing.assert_allclose(left[:, -1], np.tile(FILL, (20, 1)), atol=1e-3)


def test_rotation_by_thirty_degrees_keeps_the_centre(ops):
    pixels = np.zeros((21, 21, 3), "float32")
    pixels[10] = 255  # a horizontal line
    after = apply(ops["rotate"], pixels)
    assert after[10, 10, 0] == pytest.approx(255)
    row = after[..., 2].argmax(axis=0)  # where the line is now, column by column
    slope = abs(row[15] - row[5]) / 10
    assert slope == pytest.approx(np.tan(np.pi / 6), abs=0.11)


def test_colour_and_contrast_move_away_from_grey(ops):
    pixels = np.float32([[[100, 150, 200], [50, 60, 70]]])
    stronger, weaker = (apply(ops["color"], pixels, 5, sign) for sign in (1.0, -1.0))
    spread = np.ptp(pixels[0, 0])
    assert np.ptp(stronger[0, 0]) == pytest.approx(spread * 1.45, rel=1e-3)
    assert np.ptp(weaker[0, 0]) == pytest.approx(spread * 0.55, rel=1e-3)
    after = apply(ops["contrast"], pixels, 5)
    assert after[0, 0, 0] - after[0, 1, 0] == pytest.approx(50 * 1.45, rel=1e-3)


@pytest.mark.parametrize("name", ["color", "contrast", "brightness", "sharpness"])
def test_level_zero_changes_nothing(ops, name):
    np.testing.assert_allclose(apply(ops[name], picture(), 0.0), picture(), atol=1e-3)


@pytest.mark.parametrize("channels", [1, 4])
def test_pictures_need_not_have_colours(channels):
    augment = RandAugment(np.float32([7] * channels))
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, channels))
    seeds = tf.data.Dataset.range(40)
    dataset = seeds.map(lambda i: augment(tf.cast(pixels, "float32"), tf.stack([i, i])))
    assert np.array(list(dataset)).shape == (40, 8, 8, channels)


def test_without_keras_cv_there_is_advice(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_cv", None)
    with pytest.raises(InputError, match="needs keras-cv: pip install.*magnitude=0"):
        RandAugment(FILL)


@pytest.mark.parametrize("wrong", [{"magnitude": 11}, {"num_ops": 0}])
def test_impossible_strengths_are_errors(wrong):
    with pytest.raises(InputError, match=r"magnitude must lie in \[0, 10\]"):
        RandAugment(FILL, **wrong)
