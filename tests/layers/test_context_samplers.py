"""What is special about the Context Encoder's holes, pixel by pixel."""

import numpy as np
import pytest

from keras_mae.layers import CentreSampler, SquaresSampler

from ..checks import check_config
from .test_mask_samplers import count_edges, draw_masks


def test_a_quarter_is_the_central_half_of_both_sides():
    masks = draw_masks("centre", 0.25, (8, 8), batch=2)
    expected = np.zeros((8, 8))
    expected[2:6, 2:6] = 1
    np.testing.assert_array_equal(masks, [expected, expected])


@pytest.mark.parametrize("grid_size", [(16, 16), (16, 32)])
def test_smaller_centres_leave_a_band_of_one_width(grid_size):
    rows, columns = grid_size
    hidden = (rows // 2 - 4) * (columns // 2 - 4)
    length = rows * columns
    (mask,) = draw_masks("centre", (hidden - 0.5) / length, grid_size, batch=1)
    top, left = rows // 4 + 2, columns // 4 + 2
    expected = np.zeros(grid_size)
    expected[top : rows - top, left : columns - left] = 1
    np.testing.assert_array_equal(mask, expected)


def test_squares_cover_all_their_pixels_but_the_last_one():
    sampler = SquaresSampler(0.25, 0.25, num_squares=3)
    scores = np.reshape(sampler(100, 16, 16, np.int32([1, 2])), (100, 16, 16))
    first = scores >= 1  # of the first square, whatever others lie there
    assert set(first.sum(axis=(1, 2))) == {16}
    rows, columns = first.any(axis=2).sum(axis=1), first.any(axis=1).sum(axis=1)
    assert set(rows) == set(columns) == {4}


def test_squares_are_of_several_sizes():
    scores = np.array(SquaresSampler(0.1, 0.5)(100, 32, 32, np.int32([1, 2])))
    sides = set(np.sqrt((scores >= 1).sum(axis=1)))
    assert min(sides) <= 5
    assert max(sides) >= 14
    assert all(side == int(side) for side in sides)


def test_any_number_of_squares_cover_nothing_but_squares():
    sampler = SquaresSampler(0.25, 0.25, num_squares=90)  # of 2 x 2
    scores = np.reshape(sampler(20, 8, 8, np.int32([1, 2])), (20, 8, 8))
    covered = 0
    for number in range(90):
        hidden = scores >= 2.0**-number  # by so many squares and one more
        whole = np.lib.stride_tricks.sliding_window_view(hidden, (2, 2), (1, 2))
        whole = np.pad(whole.all((3, 4)), ((0, 0), (1, 1), (1, 1)))
        of_squares = whole[:, 1:, 1:] | whole[:, :-1, 1:]
        of_squares |= whole[:, 1:, :-1] | whole[:, :-1, :-1]
        np.testing.assert_array_equal(hidden, of_squares)
        assert hidden.sum() <= covered + 20 * 4
        covered = hidden.sum()
    assert covered > 0.8 * scores.size


def test_many_squares_hide_the_top_as_often_as_the_bottom():
    for grid_size in ((14, 14), (32, 32)):
        often = draw_masks("squares", 0.75, grid_size, batch=400).mean(axis=0)
        for turned in (often[::-1], often[:, ::-1], often.T):
            np.testing.assert_allclose(turned, often, atol=0.15)


def test_what_no_square_covers_is_hidden_in_random_order():
    masks = draw_masks(SquaresSampler(num_squares=1), 0.5, (16, 16), batch=400)
    upper, lower = masks[:, :8].mean(), masks[:, 8:].mean()
    assert abs(upper - lower) < 0.02


def test_squares_are_as_many_as_a_float_tells_apart():
    with pytest.raises(ValueError, match=r"must lie in \[1, 100\]"):
        SquaresSampler(num_squares=101)


def test_squares_keep_their_arguments():
    check_config(SquaresSampler(0.1, 0.3, 5))


def test_regions_are_patches_of_noise_with_few_edges():
    regions = draw_masks("region", 0.25, (64, 64), batch=20)
    dust = draw_masks("random", 0.25, (64, 64), batch=20)
    assert count_edges(regions) < 0.25 * count_edges(dust)


@pytest.mark.parametrize("name", ["squares", "region"])
def test_a_published_hole_hides_a_quarter_of_every_image(name):
    masks = draw_masks(name, 0.25, (32, 48), batch=20)
    assert set(masks.mean(axis=(1, 2))) == {0.25}


def test_nothing_is_drawn_for_the_centre():
    first = CentreSampler()(2, 6, 6, np.int32([1, 2]))
    np.testing.assert_array_equal(first, CentreSampler()(2, 6, 6, np.int32([3, 4])))
