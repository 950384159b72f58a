import pytest

from keras_mae.program import InputError
from keras_mae.weights.spellings import HUB, MODULES, ORIGINAL, SAVED_BY_5
from keras_mae.weights.spellings import find_spelling as find

NAMES = ["cls_token", "patch_embed.proj.bias", "norm.weight", "head.bias"]
NAMES += ["blocks.1.attn.qkv.bias", "blocks.1.mlp.fc2.weight", "mask_token"]
NAMES += ["decoder_blocks.0.attn.proj.weight", "decoder_norm.bias", "fc_norm.bias"]


def spelled(spelling):
    return [key for name in NAMES for key in spelling.keys(name)]


def test_the_originals_names_are_themselves():
    assert spelled(ORIGINAL) == NAMES


def test_the_hubs_names():
    assert spelled(HUB) == [
        "vit.embeddings.cls_token",
        "vit.embeddings.patch_embeddings.projection.bias",
        "vit.layernorm.weight",
        "classifier.bias",
        "vit.encoder.layer.1.attention.attention.query.bias",
        "vit.encoder.layer.1.attention.attention.key.bias",
        "vit.encoder.layer.1.attention.attention.value.bias",
        "vit.encoder.layer.1.output.dense.weight",
        "decoder.mask_token",
        "decoder.decoder_layers.0.attention.output.dense.weight",
        "decoder.decoder_norm.bias",
        "vit.fc_norm.bias",
    ]


def test_the_modules_names():
    assert MODULES.keys("blocks.1.attn.qkv.bias") == (
        "vit.layers.1.attention.q_proj.bias",
        "vit.layers.1.attention.k_proj.bias",
        "vit.layers.1.attention.v_proj.bias",
    )
    assert MODULES.keys("decoder_blocks.0.attn.proj.weight") == (
        "decoder.decoder_layers.0.attention.o_proj.weight",
    )
    assert MODULES.keys("blocks.0.norm1.bias") == (
        "vit.layers.0.layernorm_before.bias",
    )


@pytest.mark.parametrize("spelling", [ORIGINAL, HUB, SAVED_BY_5, MODULES])
def test_a_spelling_is_found_by_its_names(spelling):
    names = ["blocks.0.norm1.weight", "decoder_blocks.0.norm1.weight"]
    keys = [spelling.keys(name)[0] for name in names]
    assert find(keys, "a.pth") is spelling


@pytest.mark.parametrize(
    ("key", "description"),
    [
        ("encoder.layer.0.layernorm_before.weight", "hub's names, an encoder"),
        ("layers.0.layernorm_before.weight", "modules, an encoder"),
    ],
)
def test_encoders_alone_have_no_prefix(key, description):
    assert description in find([key], "a.pth").description


def test_other_names_are_refused():
    with pytest.raises(InputError, match=r"a.pth has no names .*blocks.0.*\['conv1'\]"):
        find(["conv1"], "a.pth")
