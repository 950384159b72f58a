from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds

from keras_mae.preprocessing import Preprocessing
from keras_mae.program import InputError
from training.data import evaluation_dataset, load_source, training_dataset

PREPARED = Path(__file__).parents[3] / "shared" / "data" / "tfds"
PREPROCESSING = Preprocessing(4, mean=0, std=1 / 255)
STREAM = {"memory_limit": 1}


class TinyShades(tfds.core.GeneratorBasedBuilder):
    """Images of one gray each: 0 to 19 to train, 100 to 103 to validate."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "label": tfds.features.ClassLabel(names=["even", "odd"]),
            "text": tfds.features.Text(),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        return {
            "train": self._generate_examples(range(20)),
            "validation": self._generate_examples(range(100, 104)),
            "test": self._generate_examples(range(200, 203), label=-1),
        }

    def _generate_examples(self, grays, label=None):
        for gray in grays:
            image = np.full((5, 7, 3), gray, "uint8")
            number = gray % 2 if label is None else label
            yield gray, {"image": image, "label": number, "text": "x"}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    config = tfds.download.DownloadConfig(num_shards=3)
    TinyShades(data_dir=folder).download_and_prepare(download_config=config)
    return folder


def grays(batches):
    return np.concatenate([batch[:, 0, 0, 0] for batch in batches]).round().astype(int)


@pytest.mark.parametrize("limit", [{}, STREAM])
def test_examples_keep_image_and_label_together(data_dir, limit):
    source = load_source("tfds:tiny_shades", data_dir=data_dir, **limit)
    assert source.num_examples == 20
    assert source.class_names == ["even", "odd"]
    ((images, labels),) = evaluation_dataset(source, PREPROCESSING, 32)
    assert sorted(grays([images])) == list(range(20))
    np.testing.assert_array_equal(grays([images]) % 2, labels)


def test_memory_and_stream_number_examples_alike(data_dir):
    numbered = [
        {
            int(example["index"]): bytes(example["image"].numpy())
            for example in load_source(
                "tfds:tiny_shades", data_dir=data_dir, **limit
            ).examples(epoch=0)
        }
        for limit in ({}, STREAM)
    ]
    assert sorted(numbered[0]) == list(range(20))
    assert numbered[0] == numbered[1]


def test_test_split_without_labels_falls_back_to_validation(data_dir):
    source = load_source("tfds:tiny_shades", "test", data_dir=data_dir)
    assert source.name == "tfds:tiny_shades (validation)"
    assert source.num_examples == 4


def test_stream_orders_by_seed_and_epoch_and_resumes(data_dir):
    source = load_source("tfds:tiny_shades", data_dir=data_dir, **STREAM)
    source.buffer_size = 4

    def run(**kwargs):
        return list(
            training_dataset(source, PREPROCESSING, 5, **kwargs).as_numpy_iterator()
        )

    keras.utils.set_random_seed(0)  # as programs do: TensorFlow trips over this 0
    full = run(epochs=3)
    assert sorted(grays(full[:4])) == list(range(20))
    assert list(grays(full[:4])) != list(grays(full[4:8]))
    np.testing.assert_array_equal(full, run(epochs=3))
    np.testing.assert_array_equal(full[4:], run(epochs=3, first_epoch=1))


def test_hosts_share_the_batches_of_a_stream(data_dir):
    source = load_source("tfds:tiny_shades", data_dir=data_dir, **STREAM)

    def run(**kwargs):
        dataset = training_dataset(source, PREPROCESSING, 4, epochs=2, **kwargs)
        return [grays([batch]) for batch in dataset.as_numpy_iterator()]

    first, second = (run(host=host, num_hosts=2) for host in (0, 1))
    together = [np.concatenate(parts) for parts in zip(first, second, strict=True)]
    np.testing.assert_array_equal(together, run())


def test_version_can_be_named(data_dir):
    source = load_source("tfds:tiny_shades:1.0.0", data_dir=data_dir)
    assert source.num_examples == 20


def test_data_dir_may_begin_with_the_home_folder(data_dir, monkeypatch):
    monkeypatch.setenv("HOME", str(data_dir.parent))
    source = load_source("tfds:tiny_shades", data_dir=f"~/{data_dir.name}")
    assert source.num_examples == 20


def test_unknown_name_is_an_error(data_dir):
    with pytest.raises(InputError, match="'tiny_shade'; did you mean tiny_shades"):
        load_source("tfds:tiny_shade", data_dir=data_dir)


def test_known_name_that_is_not_prepared_is_an_error(data_dir):
    with pytest.raises(InputError, match="'mnist'.*nothing is downloaded here"):
        load_source("tfds:mnist", data_dir=data_dir)


def test_download_is_done_only_when_asked(tmp_path):
    with pytest.raises(
        InputError, match="nothing is downloaded here without ,download"
    ):
        load_source("tfds:tiny_shades", data_dir=tmp_path)
    source = load_source("tfds:tiny_shades,download=true", data_dir=tmp_path)
    assert source.num_examples == 20
    with pytest.raises(InputError, match="true or false; received 'yes'"):
        load_source("tfds:tiny_shades,download=yes", data_dir=tmp_path)
    with pytest.raises(InputError, match="tiny_shade"):
        load_source("tfds:tiny_shade,download=true", data_dir=tmp_path)


def test_missing_data_dir_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no such folder: .*nowhere; expected"):
        load_source("tfds:mnist", data_dir=tmp_path / "nowhere")


def test_only_image_is_found_under_any_name_and_labels_are_optional(tmp_path):
    store(tmp_path, {"photo": tfds.features.Image()}, np.ones((3, 4, 3), "uint8"))
    source = load_source("tfds:stored", data_dir=tmp_path)
    assert source.class_names is None
    ((images, labels),) = evaluation_dataset(source, PREPROCESSING, 1)
    assert images.shape == (1, 4, 4, 3)
    assert labels.numpy() == [-1]


def test_missing_split_is_an_error(tmp_path):
    store(tmp_path, {"photo": tfds.features.Image()}, np.ones((3, 4, 3), "uint8"))
    with pytest.raises(InputError, match="no split 'test'; it has train"):
        load_source("tfds:stored", "test", data_dir=tmp_path)


def test_data_without_images_are_an_error(tmp_path):
    store(tmp_path, {"number": np.int64}, 1)
    with pytest.raises(InputError, match="must have one image .*features are number"):
        load_source("tfds:stored", data_dir=tmp_path)


def store(folder, features, value):
    """Prepares a data set of one example in one split."""
    (key,) = features
    tfds.dataset_builders.store_as_tfds_dataset(
        name="stored",
        version="1.0.0",
        data_dir=folder,
        features=tfds.features.FeaturesDict(features),
        split_datasets={"train": [("first", {key: value})]},
    )


@pytest.mark.skipif(not PREPARED.is_dir(), reason="needs the optional CIFAR-10")
def test_cifar10_has_ten_classes():
    source = load_source("tfds:cifar10", "test", data_dir=PREPARED)
    assert (source.num_examples, source.num_classes) == (10_000, 10)
    images, labels = next(iter(evaluation_dataset(source, Preprocessing(32), 8)))
    assert images.shape == (8, 32, 32, 3)
    assert set(labels.numpy()) <= set(range(10))
