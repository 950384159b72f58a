"""The twins of stock Keras layers compute what ours do."""

import keras
import numpy as np
import pytest

import keras_mae
from training.benchmark.plain_autoencoder import PlainAutoencoder
from training.benchmark.plain_vit import plain_classifier, plain_features


@pytest.mark.parametrize("norm_pix_loss", [False, True])
def test_the_plain_autoencoder_is_the_same_function(norm_pix_loss):
    model = keras_mae.MaskedAutoencoder(
        8, 4, 3, embed_dim=8, depth=2, num_heads=2, decoder_embed_dim=8,
        decoder_depth=1, decoder_num_heads=4, norm_pix_loss=norm_pix_loss,
    )  # fmt: skip
    plain = PlainAutoencoder(model)
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    _, patches, mask = plain(images)
    masked = model.masking(patches, mask=mask)
    place(plain.encoder, model.encoder)
    place(plain.decoder, model.decoder)
    latent = plain.encoder([masked["visible"], masked["ids_keep"]])
    pred = plain.decoder([latent, masked["ids_restore"]])
    ours = model({"images": images, "mask": mask})
    np.testing.assert_allclose(pred, ours["pred"], atol=1e-5)
    loss = plain.compute_loss(images, None, (pred, patches, mask))
    expected = model.compute_loss(x=images, y_pred=ours)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def place(plain, ours):
    """Copies the trained weights; ours list the token before the first product."""
    token, kernel, bias, *rest = ours.trainable_weights
    sources = [kernel, bias, token, *rest]
    for weight, source in zip(plain.trainable_weights, sources, strict=True):
        weight.assign(source)


def test_plain_features_are_the_same_function():
    encoder = keras_mae.ViTEncoder(8, 4, 3, embed_dim=8, depth=2, num_heads=2)
    perturb(encoder)
    plain = plain_features(encoder)
    place_vit(plain, encoder)
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(plain(images), encoder.features(images), atol=1e-5)


def test_the_plain_classifier_is_the_same_function():
    encoder = keras_mae.ViTEncoder(8, 4, 3, embed_dim=8, depth=1, num_heads=2)
    classifier = keras_mae.ViTClassifier.from_encoder(encoder, 5)
    perturb(classifier)
    plain = plain_classifier(classifier.encoder, 5)
    place_vit(plain, classifier)
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(plain(images), classifier(images), atol=1e-5)


def perturb(model):
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign_add(0.1 * rng.normal(size=weight.shape))


def place_vit(plain, ours):
    """Copies the weights of all layers; the patches' kernel is one of a convolution."""
    token, positions, kernel, bias, *rest = sorted(ours.weights, key=_order)
    kernel = np.reshape(kernel, (4, 4, 3, 8))
    sources = [kernel, bias, token, positions, *rest]
    for weight, source in zip(plain.weights, sources, strict=True):
        weight.assign(source)


def _order(weight):
    """Token, positions, patches, then as the model lists them."""
    names = ("cls_token", "pos_embed", "patch_embed")
    return [name not in weight.path for name in names]


def test_twins_take_a_policy():
    encoder = keras_mae.ViTEncoder(8, 4, 3, embed_dim=8, depth=1, num_heads=2)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        plain = plain_features(encoder)
    finally:
        keras.config.set_dtype_policy(before)
    assert plain(np.ones((1, 8, 8, 3), "float32")).dtype == "bfloat16"
