import numpy as np
import pytest

from export.nearness import max_error, min_cosine


def test_max_error_is_absolute_below_one_and_relative_above():
    small, large = np.array([0.5, 0.25]), np.array([200.0, 100.0])
    expected = {"features": small, "tokens": large}
    assert max_error(expected, {"features": small + 0.5}) == 0.5
    assert max_error(expected, {"features": small, "tokens": large + 50}) == 0.25


def test_max_error_keeps_nan_and_sees_wrong_shapes():
    expected = {"features": np.zeros(2), "tokens": np.zeros(2)}
    nan = {"features": np.zeros(2), "tokens": np.array([0, np.nan])}
    assert np.isnan(max_error(expected, nan))
    assert max_error(expected, {"features": np.zeros(3)}) == np.inf


def test_names_of_classes_are_equal_or_not():
    expected = {"classes": np.array([b"ant", b"bee"])}
    assert max_error(expected, expected) == 0
    assert max_error(expected, {"classes": np.array([b"bee", b"ant"])}) == np.inf


def test_cosine_is_that_of_the_farthest_image():
    expected = {"features": np.array([[1.0, 0.0], [3.0, 4.0]])}
    received = {"features": np.array([[2.0, 0.0], [5.0, 0.0]])}
    assert min_cosine(expected, received) == pytest.approx(0.6)


def test_rows_of_bad_pictures_are_zeros_in_both():
    zeros = {"features": np.zeros((1, 2)), "classes": np.array([b""])}
    assert min_cosine(zeros, zeros) == 1
    assert min_cosine(zeros, {"features": np.ones((1, 2))}) == 0
