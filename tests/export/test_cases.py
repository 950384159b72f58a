import numpy as np
import pytest
import tensorflow as tf

from export.cases import add_files, expected_outputs, make_cases, max_error
from keras_mae.preprocessing import Preprocessing
from keras_mae.program import InputError


def test_first_case_of_every_signature_is_one_image():
    for batches in make_cases(Preprocessing((32, 24))).values():
        assert len(batches[0]) == 1


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_cases_fit_any_number_of_channels(channels):
    cases = make_cases(Preprocessing((32, 24), channels))
    assert {batch.shape[-1] for batch in cases["serve_uint8"]} == {channels}
    assert ("serve_bytes" in cases) == (channels != 2)


def test_bytes_and_pixels_of_a_png_are_encoded_alike(encoder):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 20, 3)).astype("uint8")
    png = tf.io.encode_png(pixels).numpy()
    by_bytes = expected_outputs(encoder, "gap", "serve_bytes", [png])
    by_pixels = expected_outputs(encoder, "gap", "serve_uint8", pixels[None])
    np.testing.assert_array_equal(by_bytes["tokens"], by_pixels["tokens"])


def test_files_are_added_to_all_signatures(tmp_path):
    pixels = np.zeros((5, 6, 3), "uint8")
    (tmp_path / "a.png").write_bytes(tf.io.encode_png(pixels).numpy())
    preprocessing = Preprocessing((32, 24))
    cases = make_cases(preprocessing)
    before = {name: len(batches) for name, batches in cases.items()}
    add_files(cases, preprocessing, [tmp_path / "a.png"])
    for name, batches in cases.items():
        assert len(batches) == before[name] + 1


def test_file_that_is_no_picture_is_refused(tmp_path):
    (tmp_path / "a.png").write_text("text")
    preprocessing = Preprocessing((32, 24))
    with pytest.raises(InputError, match="a.png is not a JPEG or PNG of 3 channels"):
        add_files(make_cases(preprocessing), preprocessing, [tmp_path / "a.png"])


def test_missing_picture_is_refused(tmp_path):
    preprocessing = Preprocessing((32, 24))
    with pytest.raises(InputError, match="cannot read the picture .*No such file"):
        add_files(make_cases(preprocessing), preprocessing, [tmp_path / "a.png"])


def test_pictures_for_two_channels_are_refused():
    preprocessing = Preprocessing((32, 24), 2)
    with pytest.raises(InputError, match="cannot test a model of 2"):
        add_files(make_cases(preprocessing), preprocessing, ["a.png"])


def test_max_error_is_absolute_below_one_and_relative_above():
    small, large = np.array([0.5, 0.25]), np.array([200.0, 100.0])
    expected = {"features": small, "tokens": large}
    assert max_error(expected, {"features": small + 0.5}) == 0.5
    assert max_error(expected, {"features": small, "tokens": large + 50}) == 0.25


def test_max_error_keeps_nan_and_sees_wrong_shapes():
    expected = {"features": np.zeros(2), "tokens": np.zeros(2)}
    nan = {"features": np.zeros(2), "tokens": np.array([0, np.nan])}
    assert np.isnan(max_error(expected, nan))
    assert max_error(expected, {"features": np.zeros(3)}) == np.inf
