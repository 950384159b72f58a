"""How near the outputs of an artifact come to those of Keras."""

import numpy as np

MIN_COSINE = 0.999  # of what is stored in lower precision to what Keras computes


def max_error(expected, received):
    """Returns the largest difference between two dictionaries of arrays.

    Absolute, but divided by the largest expected value where that exceeds 1:
    encoders without a final norm have tokens in the hundreds. NaN and infinities
    come through; outputs that were not received do not count.
    """
    errors = [_error(expected[name], array) for name, array in received.items()]
    return float(np.max(errors))  # unlike max(), passes NaN on


def min_cosine(expected, received):
    """Returns the least cosine between an image's outputs, each as one long vector.

    Args:
        expected, received: Dictionaries of arrays `(batch, ...)`. What holds no numbers
            (names of classes) does not count.
    """
    cosines = [
        _cosine(values, received[name])
        for name, values in expected.items()
        if values.dtype.kind == "f"
    ]
    return float(np.min(cosines))


def _error(expected, received):
    if expected.shape != received.shape:
        return float("inf")
    if expected.dtype.kind not in "fiu":  # names of classes, flags
        return 0.0 if np.array_equal(expected, received) else float("inf")
    scale = max(1.0, float(np.max(np.abs(expected))))
    return float(np.max(np.abs(expected - received))) / scale


def _cosine(first, second):
    first, second = (
        np.reshape(x, (len(x), -1)).astype("float64") for x in (first, second)
    )
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosines = np.sum(first * second, axis=1) / np.maximum(norms, 1e-30)
    both_zero = ~np.any(first, axis=1) & ~np.any(second, axis=1)
    return np.min(np.where(both_zero, 1.0, cosines))
