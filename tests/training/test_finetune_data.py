import dataclasses

import numpy as np
import pytest

from keras_mae import Preprocessing
from keras_mae.program import InputError
from training.data import training_dataset
from training.finetune_config import FinetuneConfig
from training.finetune_data import finetuning_dataset

PREPROCESSING = Preprocessing(16, 3)
FULL = FinetuneConfig(batch_size=4, epochs=3)
PLAIN = dataclasses.replace(
    FULL, magnitude=0.0, erasing=0.0, mixup=0.0, cutmix=0.0, label_smoothing=0.0
)


def batches(source, config, first_epoch=0, first_step=0, **hosts):
    dataset = finetuning_dataset(
        source, PREPROCESSING, config, 3, first_epoch, first_step, **hosts
    )
    assert len(dataset) == 3 * (config.epochs - first_epoch) - first_step
    images, labels = zip(*dataset.as_numpy_iterator(), strict=True)
    return np.array(images), np.array(labels)


@pytest.fixture(scope="module")
def full(source):
    """Images and labels of three epochs with all that a recipe can ask for."""
    return batches(source(), FULL)


def test_without_augmentation_it_is_the_training_data(source):
    images, labels = batches(source(), PLAIN)
    plain = training_dataset(
        source(),
        PREPROCESSING,
        4,
        epochs=3,
        crop_scale=PLAIN.crop_scale,
        with_labels=True,
    )
    expected, numbers = zip(*plain.as_numpy_iterator(), strict=True)
    np.testing.assert_allclose(images, expected, atol=1e-5)
    np.testing.assert_array_equal(labels, np.eye(3)[np.array(numbers)])


@pytest.mark.parametrize("first_step", [0, 2])
def test_a_run_that_goes_on_sees_what_it_would_have_seen(source, full, first_step):
    images, labels = full
    later_images, later_labels = batches(source(), FULL, 1, first_step)
    np.testing.assert_array_equal(later_images, images[3 + first_step :])
    np.testing.assert_array_equal(later_labels, labels[3 + first_step :])


@pytest.mark.parametrize(
    "first", [(1, 2), pytest.param((0, 0), marks=pytest.mark.slow)]
)
def test_hosts_share_the_batches_of_a_single_one(source, full, first):
    shares = [
        batches(source(), FULL, *first, host=host, num_hosts=2) for host in range(2)
    ]
    done = 3 * first[0] + first[1]
    for alone, parts in zip(full, zip(*shares, strict=True), strict=True):
        assert {part.shape[:2] for part in parts} == {(9 - done, 2)}
        together = np.concatenate(parts, axis=1)
        np.testing.assert_array_equal(together, alone[done:])


def test_another_seed_is_another_augmentation(source, full):
    images, _ = full
    others, _ = batches(source(), dataclasses.replace(FULL, seed=1))
    assert (images != others).mean() > 0.9


def test_epochs_differ(full):
    images, _ = full
    assert (images[:3] != images[3:6]).mean() > 0.9


def test_labels_are_smoothed_and_mixed(full):
    _, labels = full
    np.testing.assert_allclose(labels.sum(-1), 1, rtol=1e-5)
    assert labels.min() == pytest.approx(0.1 / 3, rel=1e-3)
    assert len(np.unique(labels.round(4))) > 10


def test_erasing_alone_shows_noise(source):
    images, _ = batches(source(), dataclasses.replace(PLAIN, erasing=1.0))
    varied = np.ptp(images, axis=(2, 3, 4)) > 0.5
    assert varied.mean() > 0.95


def test_shapes_are_static(source):
    images, labels = finetuning_dataset(source(), PREPROCESSING, FULL, 3).element_spec
    assert (images.shape, labels.shape) == ((4, 16, 16, 3), (4, 3))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"erasing": 2.0}, "erasing must be a probability"),
        ({"magnitude": 20.0}, "magnitude must lie in"),
        ({"mixup": -1.0}, "mixup must be 0 or more"),
        ({"crop_scale": (1.0, 0.5)}, "crop_scale must be two shares"),
    ],
)
def test_impossible_settings_are_errors(source, wrong, message):
    config = dataclasses.replace(FULL, **wrong)
    with pytest.raises(InputError, match=message):
        finetuning_dataset(source(), PREPROCESSING, config, 3)


def test_hosts_hold_both_pictures_of_a_pair_that_is_mixed(source):
    config = dataclasses.replace(FULL, batch_size=6)
    with pytest.raises(InputError, match="multiple of 4: 2 hosts.* received 6"):
        finetuning_dataset(source(), PREPROCESSING, config, 2, num_hosts=2)
    plain = dataclasses.replace(PLAIN, batch_size=6)
    dataset = finetuning_dataset(source(), PREPROCESSING, plain, 2, num_hosts=2)
    assert dataset.element_spec[0].shape == (3, 16, 16, 3)
