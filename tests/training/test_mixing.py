import numpy as np
import pytest
import tensorflow as tf

from keras_mae.program import InputError
from training.mixing import Mixing, beta, cut_window, mix, smooth

LABELS = np.array([0, 1, 2, 1])
IMAGES = np.float32([1, 2, 4, 8])[:, None, None, None] * np.ones((8, 8, 1), "float32")


def draws(mixing, count=40):
    """Mixes the same batch by many seeds; returns arrays of images and labels."""
    mixed = [mix(IMAGES, LABELS, [0, seed], 3, mixing) for seed in range(count)]
    return [np.array(values) for values in zip(*mixed, strict=True)]


def test_smoothed_labels_keep_their_sum():
    np.testing.assert_allclose(
        smooth(np.array([1]), 4, 0.2), [[0.05, 0.85, 0.05, 0.05]], rtol=1e-6
    )


def test_mixup_blends_each_image_with_its_neighbour():
    images, labels = draws(Mixing(cutmix=0, label_smoothing=0))
    share = labels[:, 0, 0]  # of image 0, whose partner has another label
    expected = share[:, None] * [1, 2, 4, 8] + (1 - share[:, None]) * [2, 1, 8, 4]
    np.testing.assert_allclose(images[:, :, 3, 3, 0], expected, rtol=1e-5)
    assert images.std(axis=(2, 3)).max() < 1e-6
    assert len(np.unique(share.round(4))) == 40


def test_cutmix_takes_a_rectangle_and_counts_its_area():
    images, labels = draws(Mixing(mixup=0, label_smoothing=0))
    from_partner = images[:, 0, ..., 0] == 2
    assert ((images[:, 0, ..., 0] == 1) | from_partner).all()
    np.testing.assert_allclose(
        1 - labels[:, 0, 0], from_partner.mean((1, 2)), atol=1e-6
    )
    for cut in from_partner:  # a rectangle: the rows that are cut are cut alike
        rows = cut[cut.any(axis=1)]
        assert (rows == rows[:1]).all()


def test_an_odd_image_out_stays_as_it_is():
    mixed, labels = mix(IMAGES[:3], LABELS[:3], [0, 1], 3, Mixing(label_smoothing=0))
    assert (mixed[0] != IMAGES[0]).numpy().any()
    np.testing.assert_allclose(mixed[2], IMAGES[2])
    np.testing.assert_allclose(labels[2], [0, 0, 1])


def test_labels_sum_to_one():
    _, labels = draws(Mixing())
    np.testing.assert_allclose(labels.sum(-1), 1, rtol=1e-5)


def test_both_kinds_take_their_turns():
    images, _ = draws(Mixing(cutmix_probability=0.3), 200)
    flat = images.std(axis=(2, 3)).max(axis=(1, 2)) < 1e-6  # mixup, or an empty cut
    assert 0.55 < flat.mean() < 0.85


def test_some_batches_stay_as_they_are():
    images, _ = draws(Mixing(probability=0.25), 200)
    untouched = (images == IMAGES).all(axis=(1, 2, 3, 4))
    assert 0.65 < untouched.mean() < 0.9


@pytest.mark.parametrize("off", [{"mixup": 0, "cutmix": 0}, {"probability": 0}])
def test_nothing_is_mixed_where_it_is_turned_off(off):
    images, labels = draws(Mixing(**off, label_smoothing=0), 10)
    np.testing.assert_array_equal(images, [IMAGES] * 10)
    np.testing.assert_array_equal(labels, [np.eye(3)[LABELS]] * 10)


def test_one_seed_is_one_mix():
    first, second = (mix(IMAGES, LABELS, [3, 4], 3, Mixing()) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


@pytest.mark.parametrize(("alpha", "spread"), [(1.0, 12**-0.5), (0.8, 10.4**-0.5)])
def test_shares_follow_the_beta_distribution(alpha, spread):
    draw = tf.function(lambda seed: beta(tf.stack([0, seed]), alpha))
    shares = np.array([draw(tf.constant(seed)) for seed in range(2000)])
    assert abs(shares.mean() - 0.5) < 0.03
    assert abs(shares.std() - spread) < 0.015


def test_cut_sides_are_the_root_of_the_area():
    windows = np.array([cut_window(40, 80, 0.75, [0, seed]) for seed in range(300)])
    top, left, bottom, right = windows.T
    assert (bottom - top).max() == 20
    assert (right - left).max() == 40
    assert windows.min() == 0
    assert (bottom.max(), right.max()) == (40, 80)


@pytest.mark.parametrize(
    "wrong",
    [{"mixup": -1}, {"probability": 1.5}, {"label_smoothing": 1}],
)
def test_impossible_settings_are_errors(wrong):
    with pytest.raises(InputError, match=f"{next(iter(wrong))} must be 0 or more"):
        Mixing(**wrong)
