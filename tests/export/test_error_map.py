import numpy as np
import pytest
import tensorflow as tf

from export.encoder import perturbed
from export.error_map import complementary_masks, error_map
from keras_mae.losses import patch_targets
from keras_mae.models import MaskedAutoencoder
from keras_mae.program import InputError

from .conftest import AUTOENCODER

IMAGES = np.random.default_rng(2).normal(size=(2, 32, 24, 3)).astype("float32")


@pytest.mark.parametrize(
    ("mask_ratio", "num_masks", "times"),
    [(0.75, 4, 3), (0.5, 2, 1), (0.25, 4, 1), (0.9, 10, 9), (0.6, 2, 1)],
)
def test_masks_hide_every_patch_equally_often(mask_ratio, num_masks, times):
    masks = complementary_masks(196, mask_ratio)
    assert masks.shape == (num_masks, 196)
    np.testing.assert_array_equal(masks.sum(axis=0), times)


def test_masks_hide_what_is_hidden_in_training():
    np.testing.assert_array_equal(complementary_masks(196, 0.75).sum(axis=1), 147)
    # 13 patches do not fall into four equal groups.
    sizes = complementary_masks(13, 0.75).sum(axis=1)
    np.testing.assert_array_equal(sizes, [9, 10, 10, 10])


def test_masks_are_always_the_same_and_no_grid():
    masks = complementary_masks(196, 0.75)
    np.testing.assert_array_equal(masks, complementary_masks(196, 0.75))
    rows = masks[0].reshape(14, 14).sum(axis=1)
    assert len(set(rows)) > 1


@pytest.mark.parametrize("norm_pix_loss", [False, True])
def test_error_is_the_mean_over_the_masks_that_hide_a_patch(norm_pix_loss):
    model = perturbed(MaskedAutoencoder(**AUTOENCODER, norm_pix_loss=norm_pix_loss))
    targets = patch_targets(model.patchify(tf.constant(IMAGES)), norm_pix_loss)
    total = np.zeros((2, 12))
    for mask in complementary_masks(12, 0.75):
        both = np.stack([mask, mask])
        pred = model({"images": IMAGES, "mask": both})["pred"]
        total += np.mean((pred - targets) ** 2, axis=-1) * mask
    expected = (total / 3).reshape(2, 4, 3)
    np.testing.assert_allclose(error_map(model, IMAGES), expected, atol=1e-5)


def test_a_painted_patch_stands_out():
    model = MaskedAutoencoder(**AUTOENCODER)
    images = np.zeros((1, 32, 24, 3), "float32")
    images[:, 8:16, 16:24] = 5  # row 1, column 2
    errors = error_map(model, images).numpy()[0]
    assert np.unravel_index(errors.argmax(), errors.shape) == (1, 2)


def test_model_that_hides_nothing_is_refused():
    model = MaskedAutoencoder(**{**AUTOENCODER, "mask_ratio": 0})
    with pytest.raises(InputError, match="hides none .mask_ratio=0."):
        error_map(model, IMAGES)
