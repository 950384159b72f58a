"""Preprocessing: the pixels of PIL, sizes, the way back, and errors."""

import io

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from keras_mae.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

from .checks import check_config

RESAMPLING = {
    "bicubic": PIL.Image.Resampling.BICUBIC,
    "bilinear": PIL.Image.Resampling.BILINEAR,
}


def smooth_picture(height, width):
    """A picture of waves, and of noise as fine as photographs have."""
    row, column = np.indices((height, width))
    waves = [np.sin(row / 5 + i) * np.cos(column / (3 + i)) for i in range(3)]
    noise = np.random.default_rng(0).normal(0, 10, (height, width, 3))
    return (127 + 90 * np.stack(waves, -1) + noise).clip(0, 255).astype("uint8")


def resize_and_crop_with_pil(pixels, size, shorter, interpolation):
    """Resizes the shorter side, then crops at the centre, as evaluations do."""
    height, width = pixels.shape[:2]
    scale = shorter / min(height, width)
    resized = (round(width * scale), round(height * scale))
    picture = PIL.Image.fromarray(pixels).resize(resized, RESAMPLING[interpolation])
    left, top = (resized[0] - size) // 2, (resized[1] - size) // 2
    return np.array(picture.crop((left, top, left + size, top + size)))


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("source", [(150, 100), (90, 130), (20, 33), (64, 64)])
def test_equals_pil(source, interpolation):
    pixels = smooth_picture(*source)
    ours = Preprocessing(56, interpolation=interpolation).resize_and_crop(pixels)
    theirs = resize_and_crop_with_pil(pixels, 56, 64, interpolation)
    difference = np.abs(np.subtract(ours, theirs, dtype="float32"))
    assert difference.max() <= 2
    assert difference.mean() < 0.5


@pytest.mark.parametrize("source", [(50, 50), (30, 90), (90, 30), (7, 7), (16, 24)])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_every_source_gives_the_rectangle_asked_for(source, batch):
    pixels = np.full((*batch, *source, 3), 100, "uint8")
    crop = Preprocessing((16, 24)).resize_and_crop(pixels)
    np.testing.assert_allclose(crop, np.full((*batch, 16, 24, 3), 100), atol=1e-3)


def test_centre_of_a_long_picture_is_kept():
    pixels = np.zeros((20, 60, 1), "uint8")
    pixels[:, 20:40] = 200
    crop = Preprocessing(20, 1, crop_ratio=1.0).resize_and_crop(pixels)
    np.testing.assert_allclose(crop, np.full((20, 20, 1), 200), atol=1e-3)


def test_picture_of_the_right_size_keeps_its_pixels():
    pixels = smooth_picture(16, 24)
    crop = Preprocessing((16, 24)).resize_and_crop(pixels)
    np.testing.assert_array_equal(crop, pixels)
    assert crop.dtype == "float32"


def test_overshoot_of_bicubic_is_clipped():
    pixels = np.repeat(np.uint8([[0] * 10 + [255] * 10]), 20, 0)[..., None]
    crop = np.array(Preprocessing(41, 1).resize_and_crop(pixels))
    assert crop.min() >= 0
    assert crop.max() <= 255


def test_sizes_may_be_unknown_in_a_graph():
    preprocessing = Preprocessing(16)
    traced = tf.function(
        preprocessing, input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)]
    )
    assert traced.get_concrete_function().output_shapes == (None, 16, 16, 3)
    pixels = smooth_picture(40, 30)[None]
    np.testing.assert_allclose(traced(pixels), preprocessing(pixels), atol=1e-4)


def test_normalises_with_the_statistics_of_imagenet():
    normalised = Preprocessing(1)(np.full((1, 1, 3), 255, "uint8"))[0, 0]
    expected = (1 - np.array(IMAGENET_MEAN)) / IMAGENET_STD
    np.testing.assert_allclose(normalised, expected, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 4, 12])
def test_other_channels_are_normalised_to_one(channels):
    pixels = np.zeros((2, 2, channels), "uint8")
    pixels[0] = 255
    normalised = Preprocessing(2, channels)(pixels)
    np.testing.assert_allclose(normalised[0], np.ones((2, channels)), atol=1e-6)
    np.testing.assert_allclose(normalised[1], -np.ones((2, channels)), atol=1e-6)


def test_denormalise_inverts_and_clips():
    preprocessing, pixels = Preprocessing((16, 24)), smooth_picture(16, 24)
    back = preprocessing.denormalise(preprocessing(pixels))
    np.testing.assert_allclose(back, pixels, atol=1e-3)
    np.testing.assert_array_equal(
        preprocessing.denormalise([[[9.0] * 3]]), [[[255] * 3]]
    )


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
@pytest.mark.parametrize("channels", [1, 3])
def test_decodes_files(file_format, channels):
    file, picture = io.BytesIO(), PIL.Image.fromarray(smooth_picture(10, 20))
    picture.save(file, file_format)
    pixels = Preprocessing(8, channels).decode(file.getvalue())
    assert pixels.shape == (10, 20, channels)
    assert pixels.dtype == "uint8"


def test_other_channels_cannot_be_decoded():
    with pytest.raises(ValueError, match="num_channels=12; pass arrays"):
        Preprocessing(8, 12).decode(b"")


@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing(),
        Preprocessing([8, 12], 1, 0.1, 0.3, 1.0, "bilinear"),
        Preprocessing(8, 4, mean=(0.1, 0.2, 0.3, 0.4), std=0.5),
    ],
)
def test_configuration_makes_an_equal_object(preprocessing):
    check_config(preprocessing)


@pytest.mark.parametrize(
    ("argument", "match"),
    [
        ({"crop_ratio": 0}, r"\(0, 1\]. Received: crop_ratio=0"),
        ({"crop_ratio": 1.1}, "Received: crop_ratio=1.1"),
        ({"interpolation": "nearest"}, "Received: interpolation=nearest"),
        ({"mean": (0.5, 0.5)}, r"one a channel \(3\). Received: mean=\(0.5, 0.5\)"),
        ({"num_channels": 0}, "positive integer. Received: num_channels=0"),
        ({"std": 0}, r"`std` must be positive .* Received: std=\(0, 0, 0\)"),
        ({"std": (0.5, -0.5, 0.5)}, "`std` must be positive and finite"),
        ({"std": float("nan")}, "`std` must be positive and finite"),
        ({"std": [1.0, 1.0, 1.0, 1.0]}, r"`std` must be one float or one a channel"),
    ],
)
def test_arguments_that_do_not_fit(argument, match):
    with pytest.raises(ValueError, match=match):
        Preprocessing(8, **argument)
