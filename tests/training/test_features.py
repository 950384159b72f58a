import tracemalloc

import keras
import numpy as np
import pytest
from PIL import Image

import keras_mae
from keras_mae import Preprocessing
from keras_mae.program import InputError
from training.distribution import strategy_scope
from training.features import (
    FrozenEncoder,
    check_labels,
    encode,
    load_splits,
    random_encoder,
)


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


class Wide:
    """Encodes an image to 256 KiB: its brightness, so many times."""

    def __init__(self, left_out=0):
        self.left_out = left_out

    def batch_size_of_one(self, batch_size):
        return batch_size

    def __call__(self, batches):
        for images, labels in batches:
            means = np.mean(images, axis=(1, 2, 3))[self.left_out :, None]
            yield np.repeat(means, 1 << 16, axis=1), labels.numpy()[self.left_out :]


def test_features_are_held_once(source):
    splits, preprocessing = (source(48), source(16)), Preprocessing(16)
    encode(Wide(), splits, preprocessing, 4)  # what is made once is made
    tracemalloc.start()
    features = encode(Wide(), splits, preprocessing, 4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    held = features.train.nbytes + features.test.nbytes
    assert held == 64 << 18
    assert held <= peak < 1.3 * held


def test_features_end_with_what_could_be_read(source):
    splits, preprocessing = (source(12), source(6)), Preprocessing(16)
    whole = encode(Wide(), splits, preprocessing, 4)
    features = encode(Wide(left_out=1), splits, preprocessing, 4)
    kept = np.arange(12) % 4 > 0
    np.testing.assert_array_equal(features.train, whole.train[kept])
    np.testing.assert_array_equal(features.train_labels, whole.train_labels[kept])
    assert len(features.test) == len(features.test_labels) == 4


def test_random_encoder_has_other_weights():
    encoder = keras_mae.ViTEncoder(16, 8, embed_dim=16, depth=1, num_heads=2)
    other = random_encoder(encoder, seed=1)
    assert other.get_config() == encoder.get_config()
    assert np.any(other.cls_token.numpy() != encoder.cls_token.numpy())


@pytest.mark.parametrize(
    "batch_size", [2, 16, *(pytest.param(b, marks=pytest.mark.slow) for b in (8, 64))]
)
def test_two_replicas_encode_as_one_device_in_the_same_order(source, batch_size):
    features = []
    for strategy in ("one", "mirrored"):
        with strategy_scope(strategy, 2, replicas=2):
            keras.utils.set_random_seed(0)
            encoder = keras_mae.ViTEncoder(16, 8, embed_dim=16, depth=1, num_heads=2)
        frozen = FrozenEncoder(encoder, "gap")
        splits = (source(13), source(5))
        features.append(encode(frozen, splits, encoder.preprocessing, batch_size))
    one, two = features
    np.testing.assert_allclose(two.train, one.train, atol=1e-6)
    np.testing.assert_allclose(two.test, one.test, atol=1e-6)
    np.testing.assert_array_equal(two.train_labels, np.arange(13) % 3)
    np.testing.assert_array_equal(two.test_labels, np.arange(5) % 3)


def test_half_precision_encodes_to_single(source):
    encoder = keras_mae.ViTEncoder(
        16, 8, embed_dim=16, depth=1, num_heads=2, dtype="mixed_bfloat16"
    )
    splits = (source(4), source(4))
    features = encode(FrozenEncoder(encoder, "token"), splits, encoder.preprocessing)
    assert features.train.dtype == "float32"
