import math

import pytest

from keras_mae import MaskedAutoencoder, list_presets
from keras_mae.presets import PAPER_DECODER, get_preset

SMALL = [name for name in list_presets() if "large" not in name and "huge" not in name]


def count(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


@pytest.mark.parametrize("name", SMALL)
def test_presets_have_as_many_parameters_as_they_say(name):
    model = MaskedAutoencoder.from_preset(name)
    assert count(model) == get_preset(name).parameters


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(list_presets()) - set(SMALL)))
def test_large_presets_have_as_many_parameters_as_they_say(name):
    model = MaskedAutoencoder.from_preset(name)
    assert count(model) == get_preset(name).parameters


def test_the_papers_models_have_the_papers_decoder():
    for name in ("base", "large", "huge"):
        (preset,) = (n for n in list_presets() if f"vit_{name}" in n)
        assert get_preset(preset).config.items() >= PAPER_DECODER.items()


def test_presets_take_any_constructor_argument():
    model = MaskedAutoencoder.from_preset(
        "mae_vit_tiny_patch16",
        image_size=(32, 64),
        num_channels=1,
        depth=1,
        decoder_depth=1,
        mask_ratio=0.5,
        mask_sampler="half",
        norm_pix_loss=True,
        name="mine",
    )
    assert model.encoder.grid_size == (2, 4)
    assert model.norm_pix_loss
    assert model.name == "mine"


def test_near_names_are_named():
    with pytest.raises(ValueError, match="did you mean .*mae_vit_base_patch16"):
        MaskedAutoencoder.from_preset("mae_vit_base_patch_16")
