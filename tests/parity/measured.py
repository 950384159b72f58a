"""Comparisons with the golden arrays that remember how close they came."""

import collections

import numpy as np

LARGEST = collections.Counter()  # absolute difference of each thing compared


def assert_near(what, received, expected, atol=1e-5):
    """Asserts that numbers differ by `atol` at most; the summary prints by how much."""
    difference = np.abs(np.subtract(received, expected, dtype="float64")).max()
    LARGEST[what] = max(LARGEST[what], float(difference))
    np.testing.assert_allclose(received, expected, rtol=0, atol=atol, err_msg=what)
