"""Patches: their order, and the way back."""

import keras
import numpy as np
import pytest

from keras_mae.layers import PatchEmbed, Patchify, Unpatchify
from keras_mae.layers.patches import grid_of

from ..checks import check_layer


def numbered_images(height, width, channels, batch=1):
    shape = (batch, height, width, channels)
    return np.arange(np.prod(shape), dtype="float32").reshape(shape)


def test_patchify_keeps_the_contract():
    check_layer(
        Patchify, {"patch_size": 2}, numbered_images(4, 6, 3), stays_float32=("output",)
    )


def test_unpatchify_keeps_the_contract():
    patches = numbered_images(1, 6, 12)[:, 0]
    check_layer(
        Unpatchify,
        {"image_size": (4, 6), "patch_size": 2},
        patches,
        stays_float32=("output",),
    )


def test_patch_embed_keeps_the_contract():
    patches = np.random.default_rng(0).normal(size=(2, 5, 12)).astype("float32")
    check_layer(PatchEmbed, {"embed_dim": 8}, patches)


def test_channels_vary_fastest_then_columns_then_rows():
    patches = Patchify(2)(numbered_images(2, 2, 3))
    np.testing.assert_array_equal(patches[0, 0], np.arange(12))


def test_patches_run_row_by_row():
    top_left_pixels = Patchify(2)(numbered_images(4, 6, 1))[0, :, 0]
    np.testing.assert_array_equal(top_left_pixels, [0, 2, 4, 12, 14, 16])


def test_second_row_of_a_patch_comes_from_the_second_row_of_the_image():
    np.testing.assert_array_equal(
        Patchify(2)(numbered_images(4, 6, 1))[0, 1], [2, 3, 8, 9]
    )


def test_integers_stay_integers():
    images = numbered_images(4, 4, 1).astype("uint8")
    assert Patchify(2)(images).dtype == "uint8"
    assert Patchify(2)(keras.Input((4, 4, 1), dtype="uint8")).dtype == "uint8"


@pytest.mark.parametrize("channels", [1, 3, 4, 12])
@pytest.mark.parametrize("size", [(4, 4), (4, 6), (8, 2)])
def test_unpatchify_undoes_patchify(size, channels):
    images = numbered_images(*size, channels, batch=2)
    patches = Patchify(2)(images)
    assert patches.shape == (2, size[0] * size[1] // 4, 4 * channels)
    np.testing.assert_array_equal(Unpatchify(size, 2)(patches), images)


@pytest.mark.parametrize(
    ("size", "patch_size", "grid"), [(224, 16, (14, 14)), ((32, 48), 8, (4, 6))]
)
def test_grid_counts_rows_then_columns(size, patch_size, grid):
    assert grid_of(size, patch_size) == grid


def test_error_names_the_nearest_size_that_fits():
    with pytest.raises(ValueError, match=r"nearest size that fits is \(224, 112\)"):
        Patchify(16)(np.zeros((1, 225, 110, 3), "float32"))
    with pytest.raises(ValueError, match=r"nearest size that fits is \(32, 32\)"):
        Unpatchify(33, 16)


def test_patch_bias_starts_as_the_original_convolutions():
    layer = PatchEmbed(4096)
    layer.build((None, None, 16))
    bias = np.array(layer.proj.bias)
    assert 0.24 < bias.max() <= 0.25  # 1 / sqrt(16)
    assert -0.25 <= bias.min() < -0.24


def test_patch_kernel_starts_xavier_uniform():
    layer = PatchEmbed(4000)
    layer.build((None, None, 2000))
    limit = (6 / (2000 + 4000)) ** 0.5
    assert 0.99 * limit < np.abs(layer.proj.kernel).max() <= limit


@pytest.mark.parametrize("make", [Patchify, lambda size: Unpatchify(8, size)])
@pytest.mark.parametrize("patch_size", [0, -2, 2.0, None])
def test_patches_have_a_positive_size(make, patch_size):
    with pytest.raises(ValueError, match="`patch_size` must be a positive integer"):
        make(patch_size)
