import numpy as np
import pytest
from PIL import Image

from keras_mae.program import InputError
from training.features import check_labels, load_splits


def write_pictures(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((8, 8, 3), "uint8")).save(path)


def write_arrays(path, **labels):
    images = {f"x_{split}": np.zeros((4, 8, 8), "uint8") for split in ("train", "test")}
    np.savez(path, **images, **{f"y_{split}": y for split, y in labels.items()})
    return f"npz:{path}"


def test_a_folder_whose_test_pictures_have_no_classes_is_refused(tmp_path):
    names = ("train/cat/a.png", "train/dog/b.png", "test/c.png")
    write_pictures(*(tmp_path / name for name in names))
    with pytest.raises(InputError, match="has no labels to judge.* split 'test'"):
        load_splits(f"folder:{tmp_path}")


def test_arrays_without_labels_are_refused_and_the_split_is_named(tmp_path):
    data = write_arrays(tmp_path / "a.npz", train=[0, 1, 2, 3])
    with pytest.raises(InputError, match="has no labels to judge.* split 'test'"):
        load_splits(data)
    data = write_arrays(tmp_path / "b.npz", test=[0, 1, 2, 3])
    with pytest.raises(InputError, match="has no labels to judge.* split 'train'"):
        load_splits(data)


def test_classes_that_nothing_is_trained_on_are_refused(tmp_path):
    data = write_arrays(tmp_path / "a.npz", train=[0, 1, 1, 0], test=[0, 1, 2, 0])
    with pytest.raises(InputError, match="3 classes.* 2 of the training split"):
        load_splits(data)


def test_a_test_split_may_lack_the_last_classes(tmp_path):
    data = write_arrays(tmp_path / "a.npz", train=[0, 1, 2, 3], test=[0, 1, 2, 0])
    assert [source.num_classes for source in load_splits(data)] == [4, 3]


def test_labels_that_are_no_classes_are_told_of():
    check_labels(np.array([0, 2]), 3, "split")
    with pytest.raises(InputError, match="split has 2 images .* 0 to 2.* is -1"):
        check_labels(np.array([0, -1, 3]), 3, "split")
