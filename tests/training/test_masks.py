import re

import numpy as np
import pytest
from PIL import Image

from keras_mae.layers import UnitSampler
from keras_mae.layers.mask_samplers import SAMPLERS
from training import masks
from training.pictures import GREY, HEADER, MARGIN


def test_png_shows_every_sampler_on_photographs(tmp_path):
    results = masks.main(["--output", str(tmp_path / "deep" / "m.png"), "--num", "2"])
    assert results["mask_samplers"] == [*SAMPLERS, "random:2"]
    assert (results["hidden_patches"], results["patches"]) == (147, 196)
    columns = 1 + len(results["mask_samplers"])
    with Image.open(results["output"]) as picture:
        assert picture.width == columns * (224 + MARGIN) + MARGIN
        assert picture.height == 2 * (224 + MARGIN) + 2 * HEADER + MARGIN
        pixels = np.array(picture)
    cells = pixels[HEADER : HEADER + 224]
    grey = [
        (cells[:, left : left + 224] == GREY).all(axis=-1).mean()
        for left in range(MARGIN, picture.width, 224 + MARGIN)
    ]
    assert grey[0] < 0.01  # the original
    np.testing.assert_allclose(grey[1:], 0.75, atol=0.01)


def test_same_seed_draws_the_same():
    first = masks.draw_masks(["random", "block:2"], 0.5, (6, 6), 2, seed=1)
    again = masks.draw_masks(["random", "block:2"], 0.5, (6, 6), 2, seed=1)
    other = masks.draw_masks(["random", "block:2"], 0.5, (6, 6), 2, seed=2)
    np.testing.assert_equal(first, again)
    assert np.any(first["random"] != other["random"])


def test_a_unit_follows_the_name():
    sampler = masks.sampler_of("half:3")
    assert isinstance(sampler, UnitSampler)
    assert sampler.unit == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "m.jpg"], "must end in .png"),
        (["--mask_sampler", "random", "blok"], "did you mean block"),
        (["--mask_sampler", "random:two"], "as in random:2; received 'random:two'"),
        (["--mask_ratio", "1"], r"must lie in \[0, 1\)"),
        (["--num", "0"], "--num must be at least 1"),
        (["--image_size", "30"], "multiple of `patch_size`"),
        (["--data", "photo"], "did you mean photos"),
    ],
)
def test_bad_input_ends_with_one_line(tmp_path, capsys, arguments, message):
    with pytest.raises(SystemExit, match="2"):
        masks.main(["--output", str(tmp_path / "m.png"), *arguments])
    error = capsys.readouterr().err
    assert re.search(message, error), error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
