import numpy as np
import pytest

from export.encoder import (
    in_float32,
    num_bytes,
    perturbed,
)
from keras_mae.layers.vit_encoder import check_pooling
from keras_mae.program import InputError

from .conftest import make_encoder

IMAGES = np.random.default_rng(1).normal(size=(2, 32, 24, 3)).astype("float32")


def test_unknown_pooling_names_the_near_one():
    with pytest.raises(
        InputError, match="unknown pooling 'tokens'; did you mean token"
    ):
        check_pooling("tokens")


def test_float32_encoder_is_not_copied(encoder):
    assert in_float32(encoder) is encoder


def test_mixed_encoder_is_rebuilt_in_float32():
    mixed = make_encoder(dtype="mixed_bfloat16")
    copy = in_float32(mixed)
    assert copy(IMAGES).dtype == "float32"
    assert copy.compute_dtype == copy.blocks[0].attn.qkv.compute_dtype == "float32"
    np.testing.assert_array_equal(copy.get_weights()[1], mixed.get_weights()[1])


def test_perturbed_copy_differs_in_every_weight(encoder):
    fresh = make_encoder()
    fresh.set_weights([np.ones_like(w) for w in fresh.get_weights()])
    for before, after in zip(
        fresh.get_weights(), perturbed(fresh).get_weights(), strict=True
    ):
        assert 0.05 < np.std(after - before) < 0.2
    np.testing.assert_array_equal(fresh.get_weights()[0], 1)


def test_num_bytes_counts_four_a_parameter(encoder):
    assert num_bytes(encoder) == 4 * encoder.count_params()
