import numpy as np
import pytest
from PIL import Image

import keras_mae
from keras_mae.program import InputError
from training import reconstruct
from training.pictures import GREY, picture_grid, reconstruction_pictures
from training.reconstruct import first_images

TINY = {
    "image_size": 16,
    "patch_size": 8,
    "embed_dim": 16,
    "depth": 1,
    "num_heads": 2,
    "decoder_embed_dim": 8,
    "decoder_depth": 1,
    "decoder_num_heads": 2,
}


@pytest.fixture(scope="module", params=[False, True])
def model_file(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reconstruct")
    model = keras_mae.MaskedAutoencoder(**TINY, norm_pix_loss=request.param)
    model.save(folder / f"norm_{request.param}.keras")
    return folder / f"norm_{request.param}.keras"


def test_png_has_a_row_an_image_and_says_whose_statistics_it_used(
    model_file, tmp_path, capsys
):
    line = ["--model", str(model_file), "--data", "photos", "--num", "3"]
    results = reconstruct.main([*line, "--output", str(tmp_path / "deep" / "r.png")])
    with Image.open(results["output"]) as picture:
        assert picture.width == 4 + 4 * (112 + 4)
        assert picture.height >= 3 * 112
    says = "TRUE values of hidden patches" in capsys.readouterr().out
    assert says == ("True" in model_file.name)


def test_mask_of_another_sampler_and_ratio_is_drawn(model_file, tmp_path):
    line = ["--model", str(model_file), "--data", "photos", "--num", "1"]
    line += ["--mask_ratio", "0.25", "--mask_sampler", "half"]
    results = reconstruct.main([*line, "--output", str(tmp_path / "r.png")])
    assert np.isfinite(results["loss"])


def test_hidden_patches_are_grey_and_visible_ones_are_pasted():
    model = keras_mae.MaskedAutoencoder(**TINY)
    images = np.random.default_rng(0).normal(size=(1, 16, 16, 3)).astype("float32")
    mask = np.float32([[1, 0, 0, 0]])
    original, masked, _, pasted = reconstruction_pictures(model, images, mask)[0]
    assert (masked[:8, :8] == GREY).all()
    np.testing.assert_array_equal(masked[8:], original[8:])
    np.testing.assert_array_equal(pasted[8:], original[8:])


@pytest.fixture
def half_broken(tmp_path):
    """A folder of eight pictures, ever brighter; the even ones are no images."""
    for i in range(8):
        file = tmp_path / "pictures" / f"{i}.png"
        file.parent.mkdir(exist_ok=True)
        Image.new("RGB", (16, 16), (20 * i,) * 3).save(file)
        if i % 2 == 0:
            file.write_bytes(b"no image")
    return tmp_path / "pictures"


def test_broken_files_are_left_out(half_broken):
    preprocessing = keras_mae.Preprocessing(16, mean=0, std=1 / 255)
    images = first_images(preprocessing, f"folder:{half_broken}", None, 3)
    assert images.shape == (3, 16, 16, 3)
    assert images[:, 0, 0, 0].numpy().round().tolist() == [20, 60, 100]


def test_no_more_files_are_read_than_are_drawn(half_broken, monkeypatch):
    def read(*args, **kwargs):
        raise AssertionError("all files are decoded")

    monkeypatch.setattr("training.data.folder.keep_readable", read)
    preprocessing = keras_mae.Preprocessing(16)
    assert len(first_images(preprocessing, f"folder:{half_broken}", None, 9)) == 4


def test_pictures_that_are_all_broken_are_told_of(half_broken):
    for file in half_broken.iterdir():
        file.write_bytes(b"no image")
    with pytest.raises(InputError, match="none of the 8 images of folder:.* can be"):
        first_images(keras_mae.Preprocessing(16), f"folder:{half_broken}", None, 3)


@pytest.mark.parametrize("channels", [1, 3])
def test_grids_hold_gray_and_coloured_pictures(channels):
    pictures = np.zeros((2, 4, 28, 28, channels), "uint8")
    grid = picture_grid(pictures, footer="note")
    assert grid.getpixel((10, 60)) == (0, 0, 0)
    assert grid.getpixel((1, 60)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "r.jpg"], "must end in .png"),
        (["--mask_sampler", "blok"], "did you mean block"),
        (["--mask_ratio", "1"], "must lie in [0, 1)"),
        (["--num", "0"], "--num must be at least 1"),
        (["--model", "absent.keras"], "no model file absent.keras"),
    ],
)
def test_bad_input_ends_with_one_line(model_file, tmp_path, capsys, arguments, message):
    line = ["--model", str(model_file), "--data", "photos"]
    line += ["--output", str(tmp_path / "r.png")]
    with pytest.raises(SystemExit, match="2"):
        reconstruct.main([*line, *arguments])
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_decoder_is_refused(tmp_path, capsys):
    keras_mae.MaskedAutoencoder(**TINY).encoder.save(tmp_path / "encoder.keras")
    line = ["--model", str(tmp_path / "encoder.keras"), "--data", "photos"]
    with pytest.raises(SystemExit, match="2"):
        reconstruct.main([*line, "--output", str(tmp_path / "r.png")])
    assert "needs a MaskedAutoencoder" in capsys.readouterr().err
