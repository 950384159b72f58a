"""Names of classes travel in files of every format."""

import json

import pytest

import keras_mae
from keras_mae.program import InputError
from keras_mae.weights import metadata

from .models import classifier

NAMES = ("ant", "bee", "cat")


def named():
    model = classifier()
    model.class_names = NAMES
    return model


def load(path):
    return keras_mae.load(path, verbose=False)


@pytest.mark.parametrize("name", ["a.keras", "a.safetensors", "folder"])
def test_names_survive(tmp_path, name):
    assert load(keras_mae.save(named(), tmp_path / name)).class_names == NAMES


@pytest.mark.parametrize("name", ["a.safetensors", "folder"])
def test_a_classifier_without_names_stays_without(tmp_path, name):
    path = keras_mae.save(classifier(), tmp_path / name)
    assert load(path).class_names is None


def test_classes_of_one_name_stay_apart(tmp_path):
    model = named()
    model.class_names = ("ant", "ant", "bee")
    assert load(keras_mae.save(model, tmp_path / "a")).class_names == model.class_names


@pytest.mark.parametrize(
    "labels",
    [
        None,
        ["ant", "bee", "cat"],
        {"0": "ant", "1": "bee"},
        {"0": "ant", "1": "bee", "3": "cat"},
        {"0": "ant", "1": "bee", "2": 3},
        {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"},
    ],
    ids=str,
)
def test_labels_of_others_that_name_no_classes_are_left(tmp_path, labels):
    path = keras_mae.save(named(), tmp_path / "folder")
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, "id2label": labels}))
    assert load(path).class_names is None


def test_a_file_names_as_many_classes_as_it_has(tmp_path, monkeypatch):
    monkeypatch.setattr(metadata, "_strings", lambda names: ["ant"])
    path = keras_mae.save(named(), tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="each of its 3 classes. Received: 1 names"):
        load(path)
