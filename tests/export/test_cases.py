import numpy as np
import pytest
import tensorflow as tf

from export.cases import add_files, expected_outputs, make_cases
from export.outputs import choose_outputs
from keras_mae.program import InputError

from .conftest import make_encoder


@pytest.fixture(scope="module")
def outputs(encoder):
    return choose_outputs(encoder)


def test_first_case_of_every_signature_is_one_image(autoencoder):
    cases = make_cases(choose_outputs(autoencoder, ["tokens", "reconstruct"]))
    assert len(cases) == 5
    for batches in cases.values():
        assert {len(value) for value in batches[0].values()} == {1}


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_cases_fit_any_number_of_channels(channels):
    cases = make_cases(choose_outputs(make_encoder(num_channels=channels, depth=1)))
    shapes = [batch["images"].shape for batch in cases["serve_uint8"]]
    assert {shape[-1] for shape in shapes} == {channels}
    assert ("serve_bytes" in cases) == (channels != 2)


def test_bytes_and_pixels_of_a_png_are_encoded_alike(outputs):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 20, 3)).astype("uint8")
    png = tf.io.encode_png(pixels).numpy()
    by_bytes = expected_outputs(outputs, "serve_bytes", {"image_bytes": [png]})
    by_pixels = expected_outputs(outputs, "serve_uint8", {"images": pixels[None]})
    np.testing.assert_array_equal(by_bytes["tokens"], by_pixels["tokens"])


def test_files_are_added_to_all_signatures(outputs, tmp_path):
    pixels = np.zeros((5, 6, 3), "uint8")
    (tmp_path / "a.png").write_bytes(tf.io.encode_png(pixels).numpy())
    cases = make_cases(outputs)
    before = {name: len(batches) for name, batches in cases.items()}
    add_files(cases, outputs.encoder.preprocessing, [tmp_path / "a.png"])
    for name, batches in cases.items():
        assert len(batches) == before[name] + 1


def test_file_that_is_no_picture_is_refused(outputs, tmp_path):
    (tmp_path / "a.png").write_text("text")
    preprocessing = outputs.encoder.preprocessing
    with pytest.raises(InputError, match="a.png is not a JPEG or PNG of 3 channels"):
        add_files(make_cases(outputs), preprocessing, [tmp_path / "a.png"])


def test_missing_picture_is_refused(outputs, tmp_path):
    preprocessing = outputs.encoder.preprocessing
    with pytest.raises(InputError, match="cannot read the picture .*No such file"):
        add_files(make_cases(outputs), preprocessing, [tmp_path / "a.png"])


def test_pictures_for_two_channels_are_refused():
    outputs = choose_outputs(make_encoder(num_channels=2, depth=1))
    with pytest.raises(InputError, match="cannot test a model of 2"):
        add_files(make_cases(outputs), outputs.encoder.preprocessing, ["a.png"])
