"""Which patches stay visible, how many, and the way back."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mae.layers import MaskSampler, RandomMasking

from ..checks import check_config, check_layer

SEED = np.int32([1, 2])


def numbered_tokens(batch, num_patches):
    """Tokens of width 1 that hold the number of their patch."""
    return np.tile(np.arange(num_patches, dtype="float32")[:, None], (batch, 1, 1))


def test_random_masking_keeps_the_contract():
    noise = np.random.default_rng(0).uniform(size=(2, 8)).astype("float32")
    check_layer(
        RandomMasking,
        {"mask_ratio": 0.5, "mask_sampler": "block", "grid_size": (2, 4)},
        {"tokens": numbered_tokens(2, 8), "noise": noise},
        stays_float32=("visible", "mask"),
    )


def test_lowest_noise_stays_visible():
    noise = np.array([[0.9, 0.1, 0.5, 0.2]], "float32")
    masked = RandomMasking(0.5)(numbered_tokens(1, 4), noise=noise)
    np.testing.assert_array_equal(masked["visible"][0, :, 0], [1, 3])
    np.testing.assert_array_equal(masked["ids_keep"], [[1, 3]])
    np.testing.assert_array_equal(masked["mask"], [[1, 0, 1, 0]])


def test_ids_restore_undoes_the_shuffle():
    noise = np.array([[0.9, 0.1, 0.5, 0.2]], "float32")
    restore = RandomMasking(0.0)(numbered_tokens(1, 4), noise=noise)
    assert list(restore["visible"][0, :, 0]) == [1, 3, 2, 0]
    np.testing.assert_array_equal(restore["ids_restore"], [[3, 0, 2, 1]])
    unshuffled = tf.gather(restore["visible"], restore["ids_restore"], batch_dims=1)
    np.testing.assert_array_equal(unshuffled, numbered_tokens(1, 4))


def test_tied_noise_keeps_the_order_of_the_patches():
    masked = RandomMasking(0.5)(numbered_tokens(1, 40), noise=np.zeros((1, 40)))
    np.testing.assert_array_equal(masked["ids_keep"], [range(20)])


@pytest.mark.parametrize(
    ("num_patches", "mask_ratio", "num_visible"),
    [
        (100, 0.8, 19),  # floats say 19.999..., and the original cuts
        (100, 0.9, 9),
        (196, 0.75, 49),
        (256, 0.75, 64),
        (16, 0.75, 4),
        (9, 0.0, 9),
    ],
)
def test_counts_as_the_original_does(num_patches, mask_ratio, num_visible):
    masked = RandomMasking(mask_ratio)(numbered_tokens(2, num_patches), seed=SEED)
    assert masked["visible"].shape == (2, num_visible, 1)
    visible = num_patches - np.sum(masked["mask"], axis=1)
    np.testing.assert_array_equal(visible, [num_visible] * 2)


def test_ratio_zero_hides_nothing():
    masked = RandomMasking(0.0)(numbered_tokens(2, 4))
    np.testing.assert_array_equal(masked["mask"], np.zeros((2, 4)))
    np.testing.assert_array_equal(np.sort(masked["visible"], 1), numbered_tokens(2, 4))


@pytest.mark.parametrize("mask_ratio", [-0.1, 1.0, 75])
def test_ratio_must_leave_something_visible(mask_ratio):
    with pytest.raises(ValueError, match=f"Received: mask_ratio={mask_ratio}"):
        RandomMasking(mask_ratio)


def test_ratio_that_leaves_no_patch_of_few_is_an_error():
    with pytest.raises(ValueError, match=r"mask_ratio=0.9 with 4 patches"):
        RandomMasking(0.9)(numbered_tokens(1, 4))


def test_mask_depends_on_the_seed_alone():
    tokens = numbered_tokens(3, 16)
    first = RandomMasking()(tokens, seed=SEED)["mask"]
    np.testing.assert_array_equal(first, RandomMasking()(tokens + 1, seed=SEED)["mask"])
    assert not np.array_equal(first, RandomMasking()(tokens, seed=SEED + 1)["mask"])
    assert not np.array_equal(first[0], first[1])


def test_masks_differ_without_a_seed():
    layer, tokens = RandomMasking(), numbered_tokens(3, 64)
    assert not np.array_equal(layer(tokens)["mask"], layer(tokens)["mask"])


def test_noise_is_ranked_in_float32_under_half_precision():
    noise = np.float32([[0.50001, 0.5, 0.50002, 0.50003]])  # equal in half precision
    layer = RandomMasking(0.75, dtype="mixed_bfloat16")
    masked = layer(numbered_tokens(1, 4), noise=noise)
    np.testing.assert_array_equal(masked["ids_keep"], [[1]])


def test_callers_mask_is_used_as_it_is():
    mask = np.float32([[1, 0, 1, 0], [0, 0, 1, 1]])
    masked = RandomMasking(0.5)(numbered_tokens(2, 4), mask=mask, training=True)
    np.testing.assert_array_equal(masked["mask"], mask)
    np.testing.assert_array_equal(masked["visible"][..., 0], [[1, 3], [0, 1]])


def test_callers_mask_may_be_boolean():
    mask = np.array([[True, False, True, False]])
    masked = RandomMasking(0.5)(numbered_tokens(1, 4), mask=mask)
    np.testing.assert_array_equal(masked["mask"], [[1, 0, 1, 0]])
    assert masked["mask"].dtype == "float32"


def test_callers_masks_may_hide_different_numbers_outside_training():
    mask = np.float32([[0, 1, 1, 1], [1, 0, 0, 0]])
    masked = RandomMasking(0.5)(numbered_tokens(2, 4), mask=mask)
    np.testing.assert_array_equal(masked["mask"], mask)
    # The first image shows one patch; hidden ones fill its row.
    np.testing.assert_array_equal(masked["visible"][..., 0], [[0, 1, 2], [1, 2, 3]])
    np.testing.assert_array_equal(masked["ids_restore"], [[0, 1, 2, 3], [3, 0, 1, 2]])


@pytest.mark.parametrize("compiled", [False, True])
def test_callers_mask_must_match_the_ratio_in_training(compiled):
    layer, mask = RandomMasking(0.5), np.float32([[1, 1, 1, 0]])
    call = tf.function(layer) if compiled else layer
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"`mask_ratio`=0.5 does"):
        call(numbered_tokens(1, 4), mask=mask, training=True)


def test_patches_without_a_grid_must_form_a_square():
    with pytest.raises(ValueError, match="grid_size=None with 8 patches"):
        RandomMasking(0.5)(numbered_tokens(1, 8))
    masked = RandomMasking(0.5, grid_size=(2, 4))(numbered_tokens(1, 8))
    assert masked["visible"].shape == (1, 4, 1)


@keras.saving.register_keras_serializable(package="keras_mae_tests")
class FirstRows(MaskSampler):
    """A sampler of the user's own, with an argument."""

    def __init__(self, sign=1.0):
        self.sign = sign

    def score(self, batch_size, grid_size, row, column, seed):
        return tf.tile(self.sign * row, (batch_size, 1))

    def get_config(self):
        return {"sign": self.sign}


def test_callers_own_sampler_is_ranked():
    layer = RandomMasking(0.5, FirstRows())
    np.testing.assert_array_equal(layer(numbered_tokens(1, 4))["mask"], [[0, 0, 1, 1]])


def test_callers_own_sampler_is_saved():
    layer = RandomMasking(0.5, FirstRows(-1.0))
    check_config(layer)
    text = json.dumps(keras.saving.serialize_keras_object(layer))
    copy = keras.saving.deserialize_keras_object(json.loads(text))
    np.testing.assert_array_equal(copy(numbered_tokens(1, 4))["mask"], [[1, 1, 0, 0]])
