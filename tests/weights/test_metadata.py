import json

import pytest

from keras_mae.program import InputError
from keras_mae.weights.metadata import Metadata, describe_model, read_metadata

from .models import autoencoder, classifier


def read(content):
    text = content if isinstance(content, str) else json.dumps(content)
    return read_metadata({"keras_mae": text}, "a.safetensors")


def test_what_is_described_is_read():
    metadata = read_metadata(describe_model(autoencoder(mask_ratio=0)), "a")
    assert metadata.arguments["num_heads"] == 4
    assert metadata.arguments["mask_ratio"] == 0.0
    assert metadata.image_size == [16, 16]
    assert metadata.preprocessing["crop_ratio"] == 0.875


def test_names_of_classes_are_described():
    assert read_metadata(describe_model(autoencoder()), "a").class_names is None
    model = classifier()
    model.class_names = ("ant", "bee", "cat")
    names = read_metadata(describe_model(model), "a").class_names
    assert names == ["ant", "bee", "cat"]


@pytest.mark.parametrize("metadata", [{}, {"format": "pt"}, {"keras_mae": 1}])
def test_other_files_tell_nothing(metadata):
    assert read_metadata(metadata, "a.safetensors") == Metadata()


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("{", "JSON cannot be read"),
        ("[]", "expected a JSON object"),
        ({"arguments": []}, "its arguments must be a JSON object"),
        ({"preprocessing": 1}, "its preprocessing must be a JSON object"),
        ({"arguments": {"num_heads": "4"}}, "num_heads must be of type int.*'4'"),
        ({"arguments": {"num_heads": True}}, "num_heads must be of type int.*True"),
        ({"arguments": {"mask_ratio": float("nan")}}, "mask_ratio must be of type f"),
        ({"class_names": "ant"}, "its class_names must be strings"),
        ({"class_names": [1, 2]}, "its class_names must be strings"),
        ({"arguments": {"windows": 4}}, "windows, which is not known here; a newer"),
    ],
)
def test_damage_is_refused(content, match):
    with pytest.raises(InputError, match=match):
        read(content)
