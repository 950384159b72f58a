import numpy as np
import tensorflow as tf

from training.erasing import random_erase

IMAGE = np.full((20, 30, 3), 9, "float32")


def erased(probability, count=200):
    draw = tf.function(lambda index: random_erase(IMAGE, [0, index], probability))
    return np.array([draw(tf.constant(index)) for index in range(count)])


def test_one_rectangle_becomes_noise():
    images = erased(1.0)
    changed = (images != 9).all(axis=-1)
    for mask in changed:
        rows = mask[mask.any(axis=1)]
        assert (rows == rows[:1]).all()
    shares = changed.mean(axis=(1, 2))
    assert 0.01 < shares.min() < 0.05
    assert 0.25 < shares.max() < 0.36
    noise = images[images != 9]
    assert abs(noise.mean()) < 0.02
    assert abs(noise.std() - 1) < 0.02


def test_others_are_left_alone():
    touched = (erased(0.25) != 9).any(axis=(1, 2, 3))
    assert 0.15 < touched.mean() < 0.35
    assert not (erased(0.0, 20) != 9).any()


def test_one_seed_is_one_rectangle():
    first, second = (random_erase(IMAGE, [1, 2], 1.0) for _ in range(2))
    np.testing.assert_array_equal(first, second)
