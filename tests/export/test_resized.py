import numpy as np
import pytest

from export.resized import resized
from keras_mae.layers import sincos_positions
from keras_mae.models import MaskedAutoencoder
from keras_mae.program import InputError
from keras_mae.weights.positions import resize_bicubic

from .conftest import AUTOENCODER

IMAGES = np.random.default_rng(0).normal(size=(2, 16, 40, 3)).astype("float32")


def test_copy_takes_the_other_size_with_the_same_weights(encoder):
    copy = resized(encoder, (16, 40))
    assert copy(IMAGES).shape == (2, 1 + 2 * 5, 16)
    assert copy.preprocessing.image_size == (16, 40)
    assert copy.preprocessing.mean == encoder.preprocessing.mean
    np.testing.assert_array_equal(
        copy.blocks[1].mlp.fc1.kernel, encoder.blocks[1].mlp.fc1.kernel
    )


def test_trained_positions_are_resized(encoder):
    old = np.array(encoder.positions.pos_embed)[0]
    new = np.array(resized(encoder, (16, 40)).positions.pos_embed)[0]
    expected = resize_bicubic(old[1:].reshape(4, 3, 16), (2, 5)).reshape(10, 16)
    np.testing.assert_array_equal(new[0], old[0])
    np.testing.assert_allclose(new[1:], expected, atol=1e-6)


def test_sincos_positions_are_computed_for_equally_many_patches_too():
    copy = resized(MaskedAutoencoder(**AUTOENCODER), (24, 32))
    for part, dim in ((copy.encoder, 16), (copy.decoder, 8)):
        patches = np.array(part.positions.pos_embed)[0, 1:]
        np.testing.assert_allclose(patches, sincos_positions(dim, (3, 4)))


def test_classifier_keeps_its_head(classifier):
    copy = resized(classifier, (16, 40))
    assert copy(IMAGES).shape == (2, 4)
    np.testing.assert_array_equal(copy.head.kernel, classifier.head.kernel)
    assert copy.class_names == classifier.class_names


def test_size_that_does_not_fit_the_patches_is_refused(encoder):
    with pytest.raises(InputError, match=r"nearest size that fits is \(32, 24\)"):
        resized(encoder, (33, 24))
