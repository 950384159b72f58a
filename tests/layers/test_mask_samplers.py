"""Every sampler: how many it hides, what the draw depends on, and its geometry."""

import numpy as np
import pytest
import tensorflow as tf

from keras_mae.layers import BlockSampler, MaskSampler, RandomMasking, get_sampler
from keras_mae.layers.mask_samplers import SAMPLERS

from ..checks import check_config

SEED = np.int32([1, 2])
GRID = (14, 14)
DRAWN = [name for name in SAMPLERS if name != "centre"]  # which is always the same


def draw_masks(sampler, mask_ratio=0.75, grid_size=GRID, batch=50, seed=SEED):
    """Returns masks `(batch, rows, columns)`, 1 = hidden."""
    tokens = np.zeros((batch, grid_size[0] * grid_size[1], 1), "float32")
    layer = RandomMasking(mask_ratio, sampler, grid_size)
    return np.reshape(layer(tokens, seed=seed)["mask"], (batch, *grid_size))


def count_edges(masks):
    """Counts neighbours of which one is hidden and one visible."""
    down, right = np.diff(masks, axis=1), np.diff(masks, axis=2)
    return np.abs(down).sum() + np.abs(right).sum()


@pytest.mark.parametrize("name", SAMPLERS)
def test_hides_exactly_as_many_patches_in_every_image(name):
    for grid_size in ((14, 14), (3, 10), (4, 4)):
        length = grid_size[0] * grid_size[1]
        for mask_ratio in (0, 0.25, 0.5, 0.6, 0.75, 0.9):
            hidden = draw_masks(name, mask_ratio, grid_size, 8).sum(axis=(1, 2))
            assert set(hidden) == {length - int(length * (1 - mask_ratio))}


@pytest.mark.parametrize("name", DRAWN)
def test_draw_depends_on_the_seed_alone(name):
    first = SAMPLERS[name]()(20, *GRID, SEED)
    assert first.shape == (20, 196)
    assert first.dtype == "float32"
    np.testing.assert_array_equal(first, SAMPLERS[name]()(20, *GRID, SEED))
    assert not np.array_equal(first, SAMPLERS[name]()(20, *GRID, SEED + 1))


@pytest.mark.parametrize("name", DRAWN)
def test_images_of_a_batch_get_different_masks(name):
    masks = draw_masks(name).reshape(50, -1)
    assert len(np.unique(masks, axis=0)) >= 4  # a half has four sides


@pytest.mark.parametrize("name", SAMPLERS)
def test_xla_compiles_to_the_same_scores(name):
    sampler = SAMPLERS[name]()
    compiled = tf.function(lambda seed: sampler(4, 5, 6, seed), jit_compile=True)
    np.testing.assert_allclose(compiled(SEED), sampler(4, 5, 6, SEED), atol=1e-5)


@pytest.mark.parametrize("name", SAMPLERS)
def test_batch_size_may_be_a_tensor(name):
    assert SAMPLERS[name]()(tf.constant(3), 4, 5, SEED).shape == (3, 20)


@pytest.mark.parametrize("name", SAMPLERS)
def test_configuration_makes_an_equal_sampler(name):
    check_config(SAMPLERS[name]())


def test_block_keeps_its_arguments():
    check_config(BlockSampler(4, 0.2, 2.0, 8))


@pytest.mark.parametrize("name", DRAWN)
def test_every_patch_is_hidden_sometimes_and_visible_sometimes(name):
    # A rectangle of half the image always covers the middle.
    mask_ratio = 0.2 if name == "rectangle" else 0.5
    often = draw_masks(name, mask_ratio, batch=400).mean(axis=0)
    assert often.min() > 0
    assert often.max() < 1


def test_random_hides_every_patch_equally_often():
    often = draw_masks("random", batch=400).mean(axis=0)
    np.testing.assert_allclose(often, 0.75, atol=0.1)


def test_grid_keeps_one_patch_of_every_two_by_two():
    visible = 1 - draw_masks("grid")
    for mask in visible:
        windows = mask.reshape(7, 2, 7, 2).sum(axis=(1, 3))
        np.testing.assert_array_equal(windows, np.ones((7, 7)))
        assert len(np.unique(np.argwhere(mask) % 2, axis=0)) == 1  # evenly spaced


def test_half_hides_a_side():
    sides = np.zeros((4, 14, 14))
    sides[0, :7] = sides[1, 7:] = sides[2, :, :7] = sides[3, :, 7:] = 1
    drawn = np.unique(draw_masks("half", 0.5), axis=0)
    np.testing.assert_array_equal(drawn, np.unique(sides, axis=0))


@pytest.mark.parametrize("mask_ratio", [0.1, 0.25, 0.5, 0.75])
@pytest.mark.parametrize("grid_size", [(14, 14), (6, 20)])
def test_rectangle_is_full_up_to_one_partial_line(mask_ratio, grid_size):
    for mask in draw_masks("rectangle", mask_ratio, grid_size, batch=200):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        lines = [box[0], box[-1], box[:, 0], box[:, -1]]
        missing = box.size - box.sum()
        assert missing in [line.size - line.sum() for line in lines]


def test_rectangles_lie_in_many_places_and_have_many_shapes():
    masks = draw_masks("rectangle", 0.25, batch=200)
    heights = [np.ptp(np.flatnonzero(mask.any(1))) + 1 for mask in masks]
    tops = [np.flatnonzero(mask.any(1))[0] for mask in masks]
    assert len(set(heights)) >= 4
    assert len(set(tops)) > 6


def test_block_leaves_far_fewer_edges_than_random():
    for mask_ratio in (0.4, 0.75):
        blocks = count_edges(draw_masks("block", mask_ratio))
        assert blocks < 0.5 * count_edges(draw_masks("random", mask_ratio))


def test_get_sampler_takes_a_name_or_a_sampler():
    sampler = BlockSampler()
    assert get_sampler(sampler) is sampler
    assert isinstance(get_sampler("block"), BlockSampler)


@pytest.mark.parametrize("sampler", ["blok", None, 3])
def test_unknown_sampler_is_an_error_that_lists_the_names(sampler):
    with pytest.raises(ValueError, match=r"\['block', 'centre', 'grid', .* Received"):
        get_sampler(sampler)


def test_sampler_without_scores_cannot_be_made():
    with pytest.raises(TypeError, match="abstract method '?score"):
        MaskSampler()
