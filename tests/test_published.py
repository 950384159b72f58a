"""The table of published weights: what it says fits our models and itself."""

import math
import re

import pytest

from keras_mae import MaskedAutoencoder, ViTClassifier, list_presets
from keras_mae.presets import get_preset
from keras_mae.published import BASE, HUGE, LARGE, PUBLISHED, published_for


def count(model):
    return sum(math.prod(weight.shape) for weight in model.weights)


def by_depth(preset, counted):
    """Counts a model of any depth by its first two blocks: all blocks are alike."""
    config = get_preset(preset).config

    def at(depth, decoder_depth):
        sizes = {"depth": depth, "decoder_depth": decoder_depth}
        return counted(MaskedAutoencoder(**config | sizes))

    start = at(1, 1)
    blocks = (config["depth"] - 1) * (at(2, 1) - start)
    return start + blocks + (config["decoder_depth"] - 1) * (at(1, 2) - start)


def classifier(model):
    return ViTClassifier.from_encoder(model.encoder, num_classes=1000)


@pytest.mark.parametrize(
    "preset", [BASE, *(pytest.param(p, marks=pytest.mark.slow) for p in (LARGE, HUGE))]
)
def test_files_have_as_many_values_as_our_models(preset):
    counts = {
        "encoder alone": by_depth(preset, lambda model: count(model.encoder)),
        "encoder and decoder": by_depth(preset, count),
        "encoder and classifier of 1000 classes": by_depth(
            preset, lambda model: count(classifier(model))
        ),
    }
    files = published_for(preset).values()
    assert {file.content for file in files} == set(counts)
    for file in files:
        assert file.parameters == counts[file.content], file.name


@pytest.mark.parametrize("file", PUBLISHED, ids=lambda f: f"{f.name} {f.preset}")
def test_what_is_known_of_a_file_is_of_the_right_form(file):
    assert file.preset in list_presets()
    assert file.url.startswith("https://")
    assert file.url.endswith((".pth", ".safetensors", ".bin"))
    assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
    assert file.md5 is None or re.fullmatch("[0-9a-f]{6}", file.md5)
    # Float32, and a few hundred bytes of names a tensor.
    assert file.size is None or 0 < file.size - 4 * file.parameters < 250_000
    assert "CC-BY-NC 4.0" in file.licence


def test_names_and_addresses_are_unique():
    assert len({(file.name, file.preset) for file in PUBLISHED}) == len(PUBLISHED)
    assert len({file.url for file in PUBLISHED}) == len(PUBLISHED)


def test_presets_are_listed_by_their_weights():
    assert (
        list_presets("facebook") == list_presets("huggingface") == [BASE, LARGE, HUGE]
    )
    assert list_presets("facebook/visualize_ganloss") == [LARGE]
    assert list_presets("face") == []
