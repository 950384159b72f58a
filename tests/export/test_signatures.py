import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from export.cases import smooth_pictures
from export.limits import Limits
from export.outputs import choose_outputs
from export.signatures import make_signatures
from keras_mae.layers import pool

from .conftest import make_encoder

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 32, 24, 3)).astype("float32")
MASK = np.zeros((2, 12), "float32")
MASK[0, :9] = MASK[1, 5:8] = 1


@pytest.fixture(scope="module")
def signatures(encoder):
    return make_signatures(choose_outputs(encoder), Limits(max_batch=4))


@pytest.fixture(scope="module")
def reconstruct(autoencoder):
    signatures = make_signatures(choose_outputs(autoencoder, ["reconstruct"]))
    assert list(signatures) == ["reconstruct"]
    return signatures["reconstruct"]


def refused(match):
    return pytest.raises(tf.errors.InvalidArgumentError, match=match)


def test_float_images_become_features_and_tokens(encoder, signatures):
    outputs = signatures["serving_default"](IMAGES)
    tokens = encoder(IMAGES)
    np.testing.assert_allclose(outputs["tokens"], tokens, atol=1e-5)
    np.testing.assert_allclose(outputs["features"], pool(tokens, "gap"), atol=1e-5)


def test_only_the_outputs_asked_for_are_returned(encoder):
    signatures = make_signatures(choose_outputs(encoder, ["block_0"]))
    assert list(signatures["serving_default"](IMAGES)) == ["block_0"]


@pytest.mark.parametrize("size", [(32, 24), (64, 48), (33, 24), (7, 90)])
def test_pixels_of_any_size_are_prepared_as_in_training(encoder, signatures, size):
    pixels = smooth_pictures(RNG, 2, size, 3)
    tokens = encoder(encoder.preprocessing(pixels))
    outputs = signatures["serve_uint8"](pixels)
    np.testing.assert_allclose(outputs["tokens"], tokens, atol=1e-5)


@pytest.mark.parametrize("signature", ["serve_bytes", "serve_bytes_lenient"])
def test_jpeg_and_png_of_different_sizes_share_a_batch(signatures, signature):
    pixels = [smooth_pictures(RNG, 1, size, 3)[0] for size in ((32, 24), (40, 50))]
    batch = tf.stack([tf.io.encode_png(pixels[0]), tf.io.encode_jpeg(pixels[1])])
    together = signatures[signature](batch)["features"]
    alone = signatures["serve_uint8"](pixels[0][None])["features"]
    np.testing.assert_allclose(together[:1], alone, atol=1e-5)


@pytest.mark.parametrize(
    ("mode", "form"),
    [
        *((mode, "png") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
        *((mode, "jpeg") for mode in ("L", "RGB", "CMYK")),
    ],
)
def test_pictures_of_every_kind_are_read(encoder, signatures, mode, form):
    pixels = smooth_pictures(RNG, 1, (40, 50), 3)[0]
    picture = Image.fromarray(pixels)
    if mode == "I;16":
        picture = Image.fromarray(pixels[..., 0].astype("uint16") * 257)
    file = io.BytesIO()
    (picture if mode == "I;16" else picture.convert(mode)).save(file, form)
    content = file.getvalue()
    preprocessing = encoder.preprocessing
    image = preprocessing(preprocessing.decode(content))
    outputs = signatures["serve_bytes"](tf.constant([content]))
    np.testing.assert_allclose(outputs["tokens"], encoder(image[None]), atol=1e-5)


@pytest.mark.parametrize(("channels", "has_bytes"), [(1, True), (2, False), (4, True)])
def test_bytes_are_served_for_the_channels_of_pictures(channels, has_bytes):
    outputs = choose_outputs(make_encoder(num_channels=channels, depth=1))
    signatures = make_signatures(outputs)
    assert ("serve_bytes" in signatures) == has_bytes
    assert ("serve_bytes_lenient" in signatures) == has_bytes


def test_bad_pictures_are_zeros_and_told(encoder, signatures):
    png = tf.io.encode_png(smooth_pictures(RNG, 1, (40, 50), 3)[0]).numpy()
    batch = [b"no picture", png, png[: len(png) // 2], b""]
    outputs = signatures["serve_bytes_lenient"](tf.constant(batch))
    np.testing.assert_array_equal(outputs["valid"], [False, True, False, False])
    alone = signatures["serve_bytes"](tf.constant([png]))
    for name in ("features", "tokens"):
        np.testing.assert_allclose(outputs[name][1], alone[name][0], atol=1e-5)
        assert not np.any(outputs[name].numpy()[[0, 2, 3]])


def test_classes_of_bad_pictures_are_empty_names(classifier):
    signatures = make_signatures(choose_outputs(classifier, ["classes"]))
    outputs = signatures["serve_bytes_lenient"](tf.constant([b"", b"GIF89a"]))
    assert set(outputs["classes"].numpy().ravel()) == {b""}
    assert not np.any(outputs["valid"])


def test_reconstruction_is_the_models(autoencoder, reconstruct):
    outputs = reconstruct(IMAGES, MASK)  # the two images hide 9 and 3 patches
    expected = autoencoder.reconstruct(IMAGES, MASK)
    assert sorted(outputs) == ["pasted", "reconstruction"]
    for name, value in outputs.items():
        np.testing.assert_allclose(value, expected[name], atol=1e-3)  # of 255
    pixels = autoencoder.preprocessing.denormalise(IMAGES)
    np.testing.assert_allclose(
        outputs["pasted"][1, :8], pixels[1, :8], atol=1e-3
    )  # nothing hidden


@pytest.mark.parametrize(
    ("mask", "match"),
    [
        (np.ones((2, 12)), "a mask leaves at least one patch visible"),
        (np.full((2, 12), 0.5), "a mask holds 0 .visible. and 1 .hidden. only"),
        (np.full((2, 12), np.nan), "a mask holds 0 .visible. and 1 .hidden. only"),
        (np.zeros((1, 12)), "expected a mask for each image.*1.*2"),
    ],
)
def test_masks_are_checked(reconstruct, mask, match):
    with refused(match):
        reconstruct(IMAGES, mask.astype("float32"))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_images_are_finite(signatures, value):
    images = IMAGES.copy()
    images[1, 3, 4, 0] = value
    with refused("images must be finite"):
        signatures["serving_default"](images)


@pytest.mark.parametrize("number", [0, 5])
@pytest.mark.parametrize(
    ("signature", "one"),
    [
        ("serving_default", np.zeros((32, 24, 3), "float32")),
        ("serve_uint8", np.zeros((9, 9, 3), "uint8")),
        ("serve_bytes", np.array(b"x", object)),
        ("serve_bytes_lenient", np.array(b"x", object)),
    ],
)
def test_batches_are_not_empty_and_not_too_large(signatures, signature, one, number):
    batch = tf.repeat(tf.constant(one)[None], number, axis=0)
    with refused(f"a request holds 1 to 4 images; received.*{number}"):
        signatures[signature](batch)


@pytest.mark.parametrize("size", [(0, 5), (1, 101), (101, 1)])
def test_pixels_of_no_size_or_of_extreme_ratio_are_refused(signatures, size):
    with refused(r"no side of more than 100 times the other; .*" + str(size[0])):
        signatures["serve_uint8"](np.zeros((1, *size, 3), "uint8"))
