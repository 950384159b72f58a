"""What takes the places of hidden patches: how many of each kind, and which."""

import numpy as np
import pytest
import tensorflow as tf

from keras_mae.layers import PatchCorruption

from ..checks import check_layer

SEED = np.int32([1, 2])
BERT = (0.8, 0.1, 0.1)
TOKEN = -7.0


def numbered_tokens(batch, num_patches):
    """Tokens of width 2 that hold the number of their patch."""
    numbers = np.arange(num_patches, dtype="float32")[:, None]
    return np.tile(numbers, (batch, 1, 2))


def corrupted(corruption, mask, seed=SEED):
    """Returns the number that stands in every place; `TOKEN` is the mask token."""
    layer, tokens = PatchCorruption(corruption), numbered_tokens(*mask.shape)
    layer(tokens, mask)
    layer.mask_token.assign(np.full((1, 1, 2), TOKEN))
    return np.array(layer(tokens, mask, seed=seed))[..., 0]


def kinds(places, mask):
    """Counts mask tokens, other patches and patches as they are, of hidden ones."""
    numbers = np.arange(mask.shape[1])
    token, same = places == TOKEN, places == numbers
    counted = [token, ~token & ~same, same]
    return np.stack([(kind * mask).sum(axis=1) for kind in counted], axis=1)


def test_patch_corruption_keeps_the_contract():
    mask = np.float32([[1, 0, 1], [0, 1, 1]])
    check_layer(PatchCorruption, {}, {"tokens": numbered_tokens(2, 3), "mask": mask})


def test_mask_token_replaces_hidden_patches_alone():
    mask = np.float32([[1, 0, 0, 1], [0, 1, 1, 1]])
    expected = [[TOKEN, 1, 2, TOKEN], [0, TOKEN, TOKEN, TOKEN]]
    np.testing.assert_array_equal(corrupted((1, 0, 0), mask), expected)


def test_without_a_seed_every_hidden_patch_gets_the_token():
    mask = np.tile(np.float32([[1, 0]]), (3, 10))
    places = corrupted(BERT, mask, seed=None)
    np.testing.assert_array_equal(kinds(places, mask), [[10, 0, 0]] * 3)


@pytest.mark.parametrize(
    ("hidden", "expected"), [(10, [8, 1, 1]), (20, [16, 2, 2]), (98, [78, 10, 10])]
)
def test_shares_of_hidden_patches_are_exact_in_every_image(hidden, expected):
    mask = np.zeros((20, 2 * hidden), "float32")
    mask[:, ::2] = 1
    places = corrupted(BERT, mask)
    np.testing.assert_array_equal(kinds(places, mask), [expected] * 20)


def test_images_may_hide_different_numbers():
    mask = np.float32([[1] * 10 + [0] * 10, [1] * 20, [0] * 20])
    expected = [[8, 1, 1], [16, 2, 2], [0, 0, 0]]
    np.testing.assert_array_equal(kinds(corrupted(BERT, mask), mask), expected)


def test_visible_patches_stay_as_they_are():
    mask = np.tile(np.float32([[1, 0]]), (4, 30))
    visible = corrupted((0.1, 0.8, 0.1), mask)[:, 1::2]
    np.testing.assert_array_equal(visible, [np.arange(1, 60, 2)] * 4)


def test_others_are_drawn_from_all_other_patches_of_the_image():
    places = corrupted((0.001, 0.999, 0), np.ones((4000, 4), "float32"))
    others = places[places[:, 0] != TOKEN, 0]
    numbers, counts = np.unique(others, return_counts=True)
    np.testing.assert_array_equal(numbers, [1, 2, 3])
    np.testing.assert_allclose(counts / len(others), 1 / 3, atol=0.03)


def test_every_patch_is_sometimes_of_each_kind():
    mask = np.ones((300, 10), "float32")
    places = corrupted(BERT, mask)
    shares = (places == TOKEN).mean(axis=0)
    np.testing.assert_allclose(shares, 0.8, atol=0.1)
    assert ((places == np.arange(10)).mean(axis=0) > 0).all()


def test_draw_depends_on_the_seed_alone():
    mask = np.ones((3, 20), "float32")
    first = corrupted(BERT, mask)
    np.testing.assert_array_equal(corrupted(BERT, mask), first)
    assert np.any(corrupted(BERT, mask, seed=SEED + 1) != first)
    assert np.any(first[0] != first[1])


@pytest.mark.parametrize("seed", [(1, 2), (-525267773, 0)])
def test_xla_compiles_to_the_same(seed):
    layer, mask = PatchCorruption(BERT), np.ones((3, 20), "float32")
    tokens, seed = numbered_tokens(3, 20), np.int32(seed)
    expected = layer(tokens, mask, seed=seed)
    compiled = tf.function(layer, jit_compile=True)
    np.testing.assert_array_equal(compiled(tokens, mask, seed=seed), expected)


@pytest.mark.parametrize(
    "corruption", [(0.8, 0.1), (0.8, 0.1, 0.2), (1.2, -0.1, -0.1), (0, 0.5, 0.5)]
)
def test_shares_that_do_not_add_up_are_refused(corruption):
    with pytest.raises(ValueError, match="three shares that add up to 1.*Received"):
        PatchCorruption(corruption)
