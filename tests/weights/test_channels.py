import numpy as np
import pytest

from keras_mae.weights.channels import fit_kernel, fit_prediction

KERNEL = np.array([1.0, 2.0, 6.0], "float32").reshape(1, 3, 1, 1)


@pytest.mark.parametrize(
    ("num_channels", "expected"),
    [
        (1, [9]),
        (2, [1.5, 3]),
        (3, [1, 2, 6]),
        (4, [0.75, 1.5, 4.5, 0.75]),
        (12, [0.25, 0.5, 1.5] * 4),
    ],
)
def test_kernels_are_summed_or_repeated_and_rescaled(num_channels, expected):
    kernel = fit_kernel(KERNEL, num_channels)
    assert kernel.shape == (1, num_channels, 1, 1)
    np.testing.assert_array_equal(kernel.ravel(), expected)


@pytest.mark.parametrize("num_channels", [1, 12])
def test_a_grey_image_gives_the_same_token(num_channels):
    token = fit_kernel(KERNEL, num_channels).sum() * 0.5
    np.testing.assert_allclose(token, KERNEL.sum() * 0.5)


@pytest.mark.parametrize(
    ("num_channels", "expected"),
    [(1, [2, 5]), (3, [1, 2, 3, 4, 5, 6]), (4, [1, 2, 3, 1, 4, 5, 6, 4])],
)
def test_predictions_are_averaged_or_repeated(num_channels, expected):
    bias = np.arange(1, 7, dtype="float32")  # two pixels of three channels
    np.testing.assert_array_equal(fit_prediction(bias, 3, num_channels), expected)
    weight = fit_prediction(np.stack([bias, bias], axis=1), 3, num_channels)
    np.testing.assert_array_equal(weight[:, 1], expected)
