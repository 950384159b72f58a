import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_mae.preprocessing import Preprocessing
from training.data.decoding import as_channels, can_decode, crop_of, pixels_of

RED = np.full((12, 20, 3), (200, 40, 40), "uint8")
GRAY_OF_RED = 88  # 0.299 * 200 + 0.701 * 40


def encoded(mode="RGB", format="PNG", pixels=RED):
    stream = io.BytesIO()
    image = Image.fromarray(pixels)
    image = image.quantize(4) if mode == "P" else image.convert(mode)
    image.save(stream, format)
    return stream.getvalue()


FILES = {
    "png": encoded(),
    "png alpha": encoded("RGBA"),
    "png palette": encoded("P"),
    "jpeg": encoded(format="JPEG"),
    "jpeg cmyk": encoded("CMYK", "JPEG"),
    "bmp": encoded(format="BMP"),
    "bmp alpha": encoded("RGBA", "BMP"),
}


def whole(height, width):
    return tf.stack([0, 0, height, width])


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    ("num_channels", "colour"),
    [(1, [GRAY_OF_RED]), (3, [200, 40, 40]), (4, [200, 40, 40, 255])],
)
def test_every_format_gives_the_channels_that_the_model_takes(
    file, num_channels, colour
):
    preprocessing = Preprocessing(8, num_channels, mean=0.5, std=0.5)
    if file == "png palette" and num_channels == 4:
        pytest.skip("TensorFlow gives palettes an alpha of 2 ** bits - 1")
    image = tf.constant(FILES[file])
    for pixels in (
        pixels_of(image, preprocessing),
        crop_of(image, whole, preprocessing),
    ):
        assert pixels.shape == (12, 20, num_channels)
        # libpng weighs red, green and blue in its own way.
        np.testing.assert_allclose(pixels[5, 5], colour, atol=20)


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_gray_files_become_rgb(format):
    image = tf.constant(encoded("L", format))
    pixels = crop_of(image, whole, Preprocessing(8))
    np.testing.assert_allclose(pixels[5, 5], [GRAY_OF_RED] * 3, atol=2)


def test_16_bit_png_becomes_8_bit():
    image = tf.constant(encoded("I;16", pixels=np.full((3, 5), 200 * 256, "uint16")))
    pixels = pixels_of(image, Preprocessing(8))
    np.testing.assert_array_equal(pixels, np.full((3, 5, 3), 200))


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_crop_shows_the_window(format):
    quarters = np.zeros((32, 64, 3), "uint8")
    quarters[16:, 32:] = 255
    image = tf.constant(encoded(format=format, pixels=quarters))
    pixels = crop_of(
        image, lambda height, width: [height // 2, width // 2, 10, 20], Preprocessing(8)
    )
    assert pixels.shape == (10, 20, 3)
    assert pixels.numpy().min() > 250


def test_arrays_are_cropped_and_converted_too():
    pixels = tf.constant([[[0], [1], [2]], [[3], [4], [5]]], tf.uint8)
    cropped = crop_of(pixels, lambda height, width: [1, 1, 1, 2], Preprocessing(8))
    np.testing.assert_array_equal(cropped, [[[4, 4, 4], [5, 5, 5]]])


def test_channels_without_a_conversion_are_an_error():
    with pytest.raises(ValueError, match="5 channels and the model takes 3"):
        as_channels(tf.zeros((2, 2, 5)), 3)


@pytest.mark.parametrize("content", [b"", b"text", FILES["png"][:-30]])
def test_broken_bytes_cannot_be_decoded(content):
    assert can_decode(FILES["jpeg"])
    with pytest.raises(tf.errors.InvalidArgumentError):
        can_decode(content)
