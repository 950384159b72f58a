"""Squares of patches that are hidden as one, by every sampler."""

import numpy as np
import pytest

from keras_mae.layers import BlockSampler, UnitSampler
from keras_mae.layers.mask_samplers import SAMPLERS

from ..checks import check_config
from .test_mask_samplers import SEED, draw_masks


def partial_units(masks, unit):
    """Counts the units of every image of which a part is hidden and a part not."""
    batch, rows, columns = masks.shape
    cut = masks.reshape(batch, rows // unit, unit, columns // unit, unit)
    hidden = cut.sum(axis=(2, 4))
    return ((hidden > 0) & (hidden < unit * unit)).sum(axis=(1, 2))


@pytest.mark.parametrize("name", SAMPLERS)
def test_units_hide_exactly_as_many_patches_in_every_image(name):
    for grid_size in ((14, 14), (3, 10), (7, 7)):
        length = grid_size[0] * grid_size[1]
        for mask_ratio in (0, 0.25, 0.6, 0.75):
            masks = draw_masks(UnitSampler(name, 2), mask_ratio, grid_size, 8)
            hidden = set(masks.sum(axis=(1, 2)))
            assert hidden == {length - int(length * (1 - mask_ratio))}


@pytest.mark.parametrize("name", SAMPLERS)
def test_units_are_hidden_whole_but_for_the_last(name):
    masks = draw_masks(UnitSampler(name, 2), 0.6)
    assert set(partial_units(masks, 2)) == {1}  # 118 patches are 29 units and a half
    masks = draw_masks(UnitSampler(name, 2), 0.5, (12, 12))
    assert set(partial_units(masks, 2)) == {0}


def test_units_are_the_samplers_patches_on_the_coarser_grid():
    coarse = draw_masks("random", 0.5, (6, 6))
    fine = draw_masks(UnitSampler("random", 2), 0.5, (12, 12))
    np.testing.assert_array_equal(fine, coarse.repeat(2, axis=1).repeat(2, axis=2))


def test_units_at_the_border_are_cut_off():
    masks = draw_masks(UnitSampler("random", 2), 4 / 9, (3, 3), batch=100)
    corners = {tuple(mask[2]) for mask in masks if mask[:2].sum() == 0}
    assert corners <= {(1, 1, 1), (1, 1, 0), (0, 0, 1)}
    whole = masks[masks[:, :2, :2].sum(axis=(1, 2)) == 4]
    assert len(whole) > 0  # a whole unit, and nothing else


def test_a_unit_of_one_patch_changes_nothing():
    masks = draw_masks(UnitSampler("block", 1))
    np.testing.assert_array_equal(masks, draw_masks("block"))


def test_scores_depend_on_the_seed():
    sampler = UnitSampler()
    first = sampler(3, 8, 8, SEED)
    np.testing.assert_array_equal(sampler(3, 8, 8, SEED), first)
    assert np.any(sampler(3, 8, 8, SEED + 1) != first)


def test_configuration_keeps_sampler_and_unit():
    check_config(UnitSampler(BlockSampler(4), 3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("random", 0), "`unit` must be at least 1.*unit=0"), (("blok", 2), "one of")],
)
def test_arguments_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        UnitSampler(*arguments)
