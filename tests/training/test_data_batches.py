import os
from pathlib import Path

import numpy as np
import pytest

from keras_mae.preprocessing import Preprocessing
from keras_mae.program import InputError
from training.data import (
    IndexedSource,
    evaluation_dataset,
    load_source,
    steps_per_epoch,
    training_dataset,
)

PREPROCESSING = Preprocessing(4, num_channels=1, mean=0, std=1 / 255)
PHOTOS = Path(__file__).parents[3] / "shared" / "data" / "photos"


def shaded(num=10, labels=True):
    """Returns a source of 6 x 6 images, each of one gray: its index."""
    pixels = np.repeat(np.arange(num, dtype="uint8"), 36).reshape(num, 6, 6, 1)
    if not labels:
        return IndexedSource("shades", pixels)
    return IndexedSource("shades", pixels, np.arange(num) % 3, ["a", "b", "c"])


def textured(num=10):
    pixels = np.random.default_rng(0).integers(0, 256, (num, 6, 6, 1), "uint8")
    return IndexedSource("textures", pixels)


def batches(source, **kwargs):
    dataset = training_dataset(source, PREPROCESSING, 3, **kwargs)
    return np.stack(list(dataset.as_numpy_iterator()))


def test_every_epoch_holds_different_examples_and_drops_the_rest():
    shades = batches(shaded(), epochs=2)[..., 0, 0, 0].round()  # 3 steps an epoch
    assert shades.shape == (6, 3)
    first, second = shades[:3].ravel(), shades[3:].ravel()
    assert len(set(first)) == len(set(second)) == 9
    assert list(first) != list(second)


def test_cardinality_is_known():
    dataset = training_dataset(shaded(), PREPROCESSING, 3, epochs=5, first_epoch=1)
    assert int(dataset.cardinality()) == 4 * steps_per_epoch(shaded(), 3) == 12


def test_no_thread_tunes_what_reads_the_data_and_holds_up_its_end():
    training = training_dataset(shaded(), PREPROCESSING, 3, epochs=1)
    for dataset in (training, evaluation_dataset(shaded(), PREPROCESSING, 3)):
        assert dataset.map(lambda *batch: batch).options().autotune.enabled is False


def test_shapes_are_static():
    for num_hosts, rows in ((1, 6), (2, 3)):
        dataset = training_dataset(
            shaded(), PREPROCESSING, 6, epochs=1, with_labels=True, num_hosts=num_hosts
        )
        images, labels = dataset.element_spec
        assert (images.shape, labels.shape) == ((rows, 4, 4, 1), (rows,))


def test_finished_run_has_no_batches():
    assert not list(
        training_dataset(shaded(), PREPROCESSING, 3, epochs=2, first_epoch=2)
    )


def test_same_seed_gives_same_batches():
    np.testing.assert_array_equal(
        batches(textured(), epochs=2, seed=1), batches(textured(), epochs=2, seed=1)
    )
    assert (
        batches(textured(), epochs=1) != batches(textured(), epochs=1, seed=1)
    ).any()


def test_resumed_run_sees_the_tail_of_the_full_run():
    full = batches(textured(), epochs=4)
    np.testing.assert_array_equal(
        batches(textured(), epochs=4, first_epoch=2), full[6:]
    )


@pytest.mark.parametrize("num_hosts", [2, 3])
def test_hosts_share_the_batches_of_a_single_one(num_hosts):
    def images_of(**kwargs):
        dataset = training_dataset(textured(15), PREPROCESSING, 6, epochs=3, **kwargs)
        return list(dataset.as_numpy_iterator())

    alone = images_of()
    shares = [images_of(host=host, num_hosts=num_hosts) for host in range(num_hosts)]
    for batch, *parts in zip(alone, *shares, strict=True):
        assert {len(part) for part in parts} == {6 // num_hosts}
        np.testing.assert_array_equal(np.concatenate(parts), batch)


@pytest.mark.parametrize(("num", "num_hosts"), [(10, 2), (9, 2), (7, 3), (2, 4)])
def test_hosts_evaluate_every_image_once_in_as_many_batches(num, num_hosts):
    runs = []
    for host in range(num_hosts):
        dataset = evaluation_dataset(
            shaded(num), PREPROCESSING, 2 * num_hosts, host, num_hosts
        )
        runs.append([images.numpy()[:, 0, 0, 0].round() for images, _ in dataset])
    assert len({len(run) for run in runs}) == 1
    seen = np.concatenate([np.concatenate(run) for run in runs])
    assert sorted(seen) == list(range(num))


def test_number_of_threads_changes_nothing(monkeypatch):
    usual = batches(textured(), epochs=2)
    monkeypatch.setattr("training.data.batches.SPARE_THREADS", 1 - os.cpu_count())
    np.testing.assert_array_equal(batches(textured(), epochs=2), usual)


@pytest.mark.parametrize(
    ("host", "num_hosts", "message"),
    [
        (0, 2, "batch_size must be a multiple of the 2 hosts, .* received 3"),
        (3, 3, "host must be one of 0 to 2, of 3; received 3"),
    ],
)
def test_hosts_that_cannot_share_a_batch_are_errors(host, num_hosts, message):
    for dataset in (training_dataset, evaluation_dataset):
        arguments = {"epochs": 1} if dataset is training_dataset else {}
        arguments.update(host=host, num_hosts=num_hosts)
        with pytest.raises(InputError, match=message):
            dataset(shaded(), PREPROCESSING, 3, **arguments)


def test_whole_images_without_crop_and_flip_are_what_evaluation_sees():
    source = IndexedSource("ramp", np.arange(16, dtype="uint8").reshape(1, 4, 4, 1))
    (batch,) = training_dataset(
        source,
        PREPROCESSING,
        1,
        epochs=1,
        crop_scale=(1, 1),
        crop_aspect=(1, 1),
        flip=False,
    )
    ((images, _),) = evaluation_dataset(source, PREPROCESSING, 1)
    np.testing.assert_allclose(
        batch[0, :, :, 0], np.arange(16).reshape(4, 4), atol=1e-4
    )
    np.testing.assert_allclose(images, batch, atol=1e-4)


def test_windows_can_be_drawn_otherwise():
    def top_left(height, width, seed, scale, aspect):
        return [0, 0, 4, 4]

    source = IndexedSource("ramp", np.arange(36, dtype="uint8").reshape(1, 6, 6, 1))
    (batch,) = training_dataset(
        source, PREPROCESSING, 1, epochs=1, crop_window=top_left, flip=False
    )
    ramp = np.arange(36).reshape(6, 6)
    np.testing.assert_allclose(batch[0, :, :, 0], ramp[:4, :4], atol=1e-4)


def test_overshoot_of_bicubic_is_clipped():
    stripes = np.zeros((1, 9, 9, 1), "uint8")
    stripes[:, :, ::2] = 255
    source = IndexedSource("stripes", stripes)
    shades = [
        batch.numpy() for batch in training_dataset(source, PREPROCESSING, 1, epochs=20)
    ]
    assert np.min(shades) >= 0
    assert np.max(shades) <= 255.001


def test_labels_follow_their_images():
    dataset = training_dataset(shaded(), PREPROCESSING, 3, epochs=1, with_labels=True)
    for images, labels in dataset:
        assert labels.dtype == "int32"
        np.testing.assert_array_equal(images[:, 0, 0, 0].numpy().round() % 3, labels)


def test_evaluation_keeps_the_order_and_the_remainder():
    pairs = list(evaluation_dataset(shaded(), PREPROCESSING, 4))
    assert [len(labels) for _, labels in pairs] == [4, 4, 2]
    shades = np.concatenate([images[:, 0, 0, 0] for images, _ in pairs])
    np.testing.assert_allclose(shades, np.arange(10), atol=1e-4)


@pytest.mark.parametrize(
    ("max_images", "expected"),
    [(1, [0]), (3, [0, 4, 7]), (8, [0, 2, 3, 4, 5, 7, 8, 9]), (99, list(range(10)))],
)
@pytest.mark.parametrize("num_hosts", [1, 2])
def test_fewer_images_to_evaluate_are_spread_over_all(max_images, expected, num_hosts):
    seen = []
    for host in range(num_hosts):
        dataset = evaluation_dataset(
            shaded(), PREPROCESSING, 2, host, num_hosts, max_images
        )
        shades = [images.numpy()[:, 0, 0, 0].round() for images, _ in dataset]
        assert len(shades) == dataset.cardinality()
        seen += np.concatenate(shades).tolist()
    assert sorted(seen) == expected


def test_evaluation_without_labels_gives_minus_one():
    ((_, labels),) = evaluation_dataset(shaded(2, labels=False), PREPROCESSING, 4)
    np.testing.assert_array_equal(labels, [-1, -1])


def test_encoded_images_of_many_sizes_make_one_batch():
    source = load_source("photos")
    (batch,) = training_dataset(source, Preprocessing((16, 24)), 9, epochs=1)
    assert batch.shape == (9, 16, 24, 3)
    assert abs(float(np.mean(batch))) < 1.5


def test_batch_larger_than_the_data_is_an_error():
    with pytest.raises(InputError, match="shades has 10 images; set batch_size to"):
        training_dataset(shaded(), PREPROCESSING, 11, epochs=1)


def test_missing_labels_are_an_error():
    with pytest.raises(InputError, match="shades has no labels"):
        training_dataset(
            shaded(labels=False), PREPROCESSING, 3, epochs=1, with_labels=True
        )


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="needs the optional photographs")
def test_photographs_from_memory_and_from_files_are_the_same():
    preprocessing = Preprocessing(32)
    runs = [
        training_dataset(
            load_source(f"folder:{PHOTOS}", memory_limit=limit),
            preprocessing,
            50,
            epochs=1,
        )
        for limit in (0, 1 << 30)
    ]
    for one, other in zip(*runs, strict=True):
        np.testing.assert_array_equal(one, other)
