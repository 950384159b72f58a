"""Operations of a step, counted by hand for models without blocks."""

import pytest

from keras_mae import (
    MaskedAutoencoder,
    MaskTokenAutoencoder,
    ViTClassifier,
    ViTEncoder,
)
from training.flops import block_flops, classifier_flops, encoder_flops, step_flops

# Four patches of 4 x 4 x 3 values, a width of 8; a decoder of width 4.
SIZES = {
    "image_size": 8,
    "patch_size": 4,
    "embed_dim": 8,
    "depth": 0,
    "num_heads": 2,
    "decoder_embed_dim": 4,
    "decoder_depth": 0,
    "decoder_num_heads": 2,
}


def test_visible_patches_alone_are_embedded():
    model = MaskedAutoencoder(**SIZES, mask_ratio=0.75)
    embedding, narrowing, pixels = 1 * 48 * 8, 2 * 8 * 4, 4 * 4 * 48
    assert step_flops(model) == 3 * 2 * (embedding + narrowing + pixels)


def test_mask_tokens_make_the_encoder_see_all_places():
    model = MaskTokenAutoencoder(**SIZES, mask_ratio=0.75)
    embedding, narrowing, pixels = 4 * 48 * 8, 5 * 8 * 4, 4 * 4 * 48
    assert step_flops(model) == 3 * 2 * (embedding + narrowing + pixels)


def test_a_linear_head_has_no_decoder():
    model = MaskTokenAutoencoder(**SIZES, prediction_head="linear")
    assert step_flops(model) == 3 * 2 * (4 * 48 * 8 + 4 * 8 * 48)


def test_blocks_of_the_encoder_are_counted():
    depths = {**SIZES, "depth": 3}
    more = step_flops(MaskTokenAutoencoder(**depths))
    more -= step_flops(MaskTokenAutoencoder(**SIZES))
    assert more == pytest.approx(3 * 3 * block_flops(5, 8))


def test_an_encoder_sees_all_patches_or_as_many_as_it_is_told():
    encoder = ViTEncoder(8, 4, 3, 8, depth=1, num_heads=2)
    assert encoder_flops(encoder) == 2 * 4 * 48 * 8 + block_flops(5, 8)
    assert encoder_flops(encoder, 1) == 2 * 1 * 48 * 8 + block_flops(2, 8)


def test_a_classifier_adds_its_head():
    encoder = ViTEncoder(8, 4, 3, 8, depth=1, num_heads=2)
    classifier = ViTClassifier.from_encoder(encoder, 10)
    assert classifier_flops(classifier) == 3 * (encoder_flops(encoder) + 2 * 8 * 10)
