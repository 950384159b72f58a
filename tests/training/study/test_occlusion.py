import numpy as np
import pytest

from keras_mae import Preprocessing
from keras_mae.program import InputError
from training.data import IndexedSource
from training.study.occlusion import (
    load_boxes,
    object_pixels,
    occlusion_figures,
    patch_shares,
    pixels_in_boxes,
    visible_shares,
)
from training.study.saliency import salient_pixels

GRID = (4, 4)


def spot(place, side=32):
    """A textured ground with one bright disc."""
    row, column = np.indices((side, side))
    ground = 0.1 * np.sin(row) * np.sin(column)
    disc = (row - place[0]) ** 2 + (column - place[1]) ** 2 < 9
    return np.where(disc, 1.0, ground)[..., None].astype("float32")


@pytest.mark.parametrize("place", [(8, 8), (8, 24), (24, 16)])
def test_what_stands_out_is_found(place):
    found = salient_pixels(spot(place)[None])[0]
    rows, columns = np.nonzero(found)
    assert 0 < found.mean() < 0.15
    np.testing.assert_allclose([rows.mean(), columns.mean()], place, atol=2)


def test_nothing_stands_out_of_one_colour():
    assert not salient_pixels(np.full((2, 32, 32, 3), 0.7)).any()


def test_saliency_of_large_pictures_has_their_size():
    picture = spot((8, 8)).repeat(4, 0).repeat(6, 1)
    found = salient_pixels(picture[None])
    assert found.shape == (1, 128, 192)
    assert found[0, 32, 48]


def test_boxes_hold_pixels_whose_middle_they_hold():
    pixels = pixels_in_boxes(np.array([[0, 0.25, 0.5, 1.0]]), (4, 4))
    expected = [[0, 1, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(pixels[0], expected)


def test_shares_of_patches_add_up_and_images_without_object_are_left_out():
    pixels = np.zeros((2, 8, 8), bool)
    pixels[1, :4, :2] = True  # the first patch of two by two, its left half
    pixels[1, 0, 4] = True
    shares = patch_shares(pixels, (2, 2))
    np.testing.assert_allclose(shares, [[8 / 9, 1 / 9, 0, 0]])


def test_images_without_any_object_are_refused():
    with pytest.raises(ValueError, match="none of 3 has one"):
        patch_shares(np.zeros((3, 8, 8), bool), (2, 2))


def one_patch(count=400):
    """Objects of one patch, at all places of the grid in turn."""
    return np.eye(16)[np.arange(count) % 16]


@pytest.mark.parametrize("sampler", ["random", "grid", "half", "block"])
def test_objects_of_one_patch_are_hidden_as_often_as_the_ratio_says(sampler):
    visible = visible_shares(one_patch(), sampler, 0.75, GRID, draws=20, seed=0)
    assert visible.shape == (20, 400)
    assert set(np.unique(visible)) == {0, 1}
    assert visible.mean() == pytest.approx(0.25, abs=0.02)  # 8,000 draws


def test_scattered_masks_seldom_hide_an_object_that_one_rectangle_hides():
    quarter = np.zeros((1, 4, 4))
    quarter[0, 1:3, 1:3] = 0.25  # an object of two by two patches
    shares = quarter.reshape(1, 16).repeat(100, 0)
    random, rectangle = (
        occlusion_figures(visible_shares(shares, name, 0.75, GRID, draws=20, seed=0))
        for name in ("random", "rectangle")
    )
    # 12 of 16 hidden at random: all four with 12 11 10 9 / (16 15 14 13) = 0.27.
    assert random["totally_hidden"] == pytest.approx(0.272, abs=0.03)
    assert rectangle["totally_hidden"] > 0.5


def test_figures_can_be_checked_by_hand():
    figures = occlusion_figures(np.array([[0.0, 0.04], [0.5, 1.0]]))
    assert figures["visible_mean"] == pytest.approx(0.385)
    assert figures["totally_hidden"] == 0.25
    assert figures["nearly_hidden"] == 0.5
    histogram = np.array(figures["histogram"])
    np.testing.assert_array_equal(np.flatnonzero(histogram), [0, 10, 19])
    assert histogram[0] == 0.5


def test_seeds_draw_other_masks():
    first, same, other = (
        visible_shares(one_patch(), "random", 0.75, GRID, 2, seed) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_boxes_go_with_the_images_that_are_judged(tmp_path):
    images = np.zeros((5, 8, 8, 1), "uint8")
    source = IndexedSource("boxes", images, np.zeros(5, int), ["a"])
    boxes = np.array([[0, 0, (i + 1) / 8, 1] for i in range(5)])
    np.save(tmp_path / "boxes.npy", boxes)
    preprocessing = Preprocessing(8, 1)
    path = tmp_path / "boxes.npy"
    areas = object_pixels(source, preprocessing, 5, path).mean((1, 2))
    np.testing.assert_allclose(areas, np.arange(1, 6) / 8)
    some = object_pixels(source, preprocessing, 2, path).mean((1, 2))
    np.testing.assert_allclose(some, [1 / 8, 4 / 8])  # the places 0 and 3 of 5


@pytest.mark.parametrize("boxes", [np.zeros((2, 4)), np.full((3, 4), 1.5)])
def test_boxes_that_do_not_fit_are_refused(tmp_path, boxes):
    np.save(tmp_path / "boxes.npy", boxes)
    with pytest.raises(InputError, match="expected 3 rows of top, left, bottom, right"):
        load_boxes(tmp_path / "boxes.npy", 3)


def test_boxes_that_are_not_there_are_told(tmp_path):
    with pytest.raises(InputError, match=r"absent\.npy cannot be read"):
        load_boxes(tmp_path / "absent.npy", 3)
