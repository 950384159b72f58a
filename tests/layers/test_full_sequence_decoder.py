"""MAE's decoder without its mask token: the same layers, the same predictions."""

import numpy as np
import pytest

from keras_mae.layers import FullSequenceDecoder, MAEDecoder

from ..checks import check_layer
from .test_mae_decoder import TINY

LATENT = np.random.default_rng(0).normal(size=(2, 7, 12)).astype("float32")
ORDER = np.int32([[2, 1, 3, 4, 0, 5], [0, 2, 1, 3, 4, 5]])  # ranks of the patches
NOTHING = np.zeros((2, 6), "float32")


def test_full_sequence_decoder_keeps_the_contract():
    check_layer(FullSequenceDecoder, TINY, {"latent": LATENT})


def test_has_no_mask_token():
    decoder = FullSequenceDecoder(**TINY)
    decoder(LATENT)
    assert "mask_token" not in [weight.name for weight in decoder.weights]


def test_computes_what_maes_decoder_does_where_nothing_is_hidden():
    mae, ours = MAEDecoder(**TINY), FullSequenceDecoder(**TINY)
    expected = mae(LATENT, NOTHING, np.tile(np.arange(6, dtype="int32"), (2, 1)))
    ours(LATENT)
    for weight, source in zip(ours.weights, mae.weights[1:], strict=True):
        weight.assign(source)
    np.testing.assert_array_equal(ours(LATENT), expected)


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("num_hidden", [1, 4])
def test_only_the_patches_of_the_highest_ranks_are_predicted(depth, num_hidden):
    decoder = FullSequenceDecoder(**{**TINY, "depth": depth})
    asked = (6 - num_hidden <= ORDER)[..., None]
    pred = decoder(LATENT, ORDER, num_hidden=num_hidden)
    np.testing.assert_allclose(pred, decoder(LATENT) * asked, atol=1e-6)


def test_all_are_predicted_where_none_is_hidden():
    decoder = FullSequenceDecoder(**TINY)
    pred = decoder(LATENT, ORDER, num_hidden=0)
    np.testing.assert_array_equal(pred, decoder(LATENT))
