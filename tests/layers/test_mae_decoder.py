"""The decoder: mask tokens where patches were hidden, visible ones in their places."""

import numpy as np
import pytest

from keras_mae.layers import MAEDecoder

from ..checks import check_layer

TINY = {
    "grid_size": (2, 3),
    "patch_dim": 5,
    "embed_dim": 8,
    "depth": 1,
    "num_heads": 2,
}
LATENT = np.random.default_rng(0).normal(size=(2, 3, 12)).astype("float32")
# Each image shows two patches: numbers 4 and 1, and numbers 0 and 2.
INPUTS = {
    "latent": LATENT,
    "mask": np.float32([[1, 0, 1, 1, 0, 1], [0, 1, 0, 1, 1, 1]]),
    "ids_restore": np.int32([[2, 1, 3, 4, 0, 5], [0, 2, 1, 3, 4, 5]]),
}


def transparent_decoder():
    """A decoder that returns the tokens which enter its blocks."""
    decoder = MAEDecoder(**{**TINY, "patch_dim": 8, "depth": 0})
    decoder(**INPUTS)
    decoder.decoder_embed.kernel.assign(np.eye(12, 8))
    decoder.decoder_norm.call = lambda tokens: tokens
    decoder.decoder_pred.kernel.assign(np.eye(8))
    decoder.mask_token.assign(np.full((1, 1, 8), 7))
    return decoder


def test_mae_decoder_keeps_the_contract():
    check_layer(MAEDecoder, TINY, INPUTS)


@pytest.mark.parametrize("depth", [0, 2])
def test_predicts_every_patch(depth):
    assert MAEDecoder(**{**TINY, "depth": depth})(**INPUTS).shape == (2, 6, 5)


def test_visible_tokens_return_to_their_places_and_mask_tokens_fill_the_rest():
    decoder = transparent_decoder()
    tokens = decoder(**INPUTS) - decoder.positions.pos_embed[:, 1:]
    expected = np.full((2, 6, 8), 7, "float32")
    expected[0, [4, 1]] = LATENT[0, 1:, :8]
    expected[1, [0, 2]] = LATENT[1, 1:, :8]
    np.testing.assert_allclose(tokens, expected, atol=1e-5)


def test_images_may_show_different_numbers_of_patches():
    decoder = transparent_decoder()
    mask = INPUTS["mask"].copy()
    mask[0, 1] = 1  # the second visible token of the first image is padding
    tokens = decoder(LATENT, mask, INPUTS["ids_restore"])
    tokens -= decoder.positions.pos_embed[:, 1:]
    np.testing.assert_allclose(tokens[0, 1], np.full(8, 7), atol=1e-5)
    np.testing.assert_allclose(tokens[0, 4], LATENT[0, 1, :8], atol=1e-5)


def test_positions_are_frozen():
    decoder = MAEDecoder(**TINY)
    decoder(**INPUTS)
    decoder.trainable = True
    assert "pos_embed" not in [weight.name for weight in decoder.trainable_weights]


def test_class_token_informs_the_prediction():
    decoder, latent = MAEDecoder(**TINY), LATENT.copy()
    before = decoder(**INPUTS)
    latent[:, 0] += 1
    after = decoder(**{**INPUTS, "latent": latent})
    assert np.abs(np.subtract(after, before)).max() > 1e-4


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_training_predicts_the_same_of_hidden_patches_and_nothing_of_visible_ones(
    depth,
):
    decoder = MAEDecoder(**{**TINY, "depth": depth})
    hidden = INPUTS["mask"][..., None]
    np.testing.assert_allclose(
        decoder(**INPUTS, training=True), decoder(**INPUTS) * hidden, atol=1e-6
    )


def test_training_predicts_every_patch_where_none_is_hidden():
    decoder = MAEDecoder(**TINY)
    latent = np.repeat(LATENT[:, :1], 7, axis=1)
    order = np.int32([[3, 1, 2, 0, 5, 4]] * 2)
    nothing_hidden = (latent, np.zeros((2, 6), "float32"), order)
    np.testing.assert_array_equal(
        decoder(*nothing_hidden, training=True), decoder(*nothing_hidden)
    )
