import numpy as np
import pytest
import tensorflow as tf

from export.cases import smooth_pictures
from export.signatures import make_signatures
from keras_mae.layers import pool

from .conftest import make_encoder

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def signatures(encoder):
    return make_signatures(encoder)


def test_float_images_become_features_and_tokens(encoder, signatures):
    images = RNG.normal(size=(2, 32, 24, 3)).astype("float32")
    outputs = signatures["serving_default"](images)
    tokens = encoder(images)
    np.testing.assert_allclose(outputs["tokens"], tokens, atol=1e-5)
    np.testing.assert_allclose(outputs["features"], pool(tokens, "gap"), atol=1e-5)


def test_pooling_token_returns_the_class_token(encoder):
    images = RNG.normal(size=(1, 32, 24, 3)).astype("float32")
    outputs = make_signatures(encoder, "token")["serving_default"](images)
    np.testing.assert_array_equal(outputs["features"], outputs["tokens"][:, 0])


def test_tokens_can_be_left_out(encoder):
    serve = make_signatures(encoder, tokens=False)["serving_default"]
    assert list(serve(np.zeros((1, 32, 24, 3), "float32"))) == ["features"]


@pytest.mark.parametrize("size", [(32, 24), (64, 48), (33, 24), (7, 90)])
def test_pixels_of_any_size_are_prepared_as_in_training(encoder, size):
    preprocessing = encoder.preprocessing
    spec = tf.TensorSpec((None, None, None, 3), tf.uint8)
    serve = tf.function(preprocessing, [spec])
    pixels = smooth_pictures(RNG, 2, size, 3)
    np.testing.assert_allclose(serve(pixels), preprocessing(pixels), atol=1e-5)


def test_jpeg_and_png_of_different_sizes_share_a_batch(signatures):
    pixels = [smooth_pictures(RNG, 1, size, 3)[0] for size in ((32, 24), (40, 50))]
    batch = tf.stack([tf.io.encode_png(pixels[0]), tf.io.encode_jpeg(pixels[1])])
    together = signatures["serve_bytes"](batch)["features"]
    alone = signatures["serve_uint8"](pixels[0][None])["features"]
    np.testing.assert_allclose(together[:1], alone, atol=1e-5)


@pytest.mark.parametrize(("channels", "has_bytes"), [(1, True), (2, False), (4, True)])
def test_bytes_are_served_for_the_channels_of_pictures(channels, has_bytes):
    signatures = make_signatures(make_encoder(num_channels=channels))
    assert ("serve_bytes" in signatures) == has_bytes


def test_unreadable_bytes_are_an_invalid_argument(signatures):
    with pytest.raises(tf.errors.InvalidArgumentError, match="Unknown image file"):
        signatures["serve_bytes"](tf.constant([b"no picture"]))


def test_empty_pictures_are_an_invalid_argument(signatures):
    with pytest.raises(tf.errors.InvalidArgumentError, match="non-zero size"):
        signatures["serve_uint8"](np.zeros((1, 0, 5, 3), "uint8"))
