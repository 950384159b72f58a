import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_mae.preprocessing import Preprocessing
from training.data import IndexedSource, evaluation_dataset, training_dataset
from training.data.reading import MOST_NAMED

PREPROCESSING = Preprocessing(2, num_channels=1, mean=0, std=1 / 255)


def shades(num, broken=()):
    """Returns a source of gray PNGs, each as dark as its index, some of them broken."""
    images = [b"broken" if index in broken else png(index) for index in range(num)]
    source = IndexedSource("shades", images, np.arange(num), map(str, range(num)))
    source.may_fail = True
    return source


def png(gray):
    stream = io.BytesIO()
    Image.new("L", (2, 2), gray).save(stream, "PNG")
    return stream.getvalue()


def trained_on(source, batch_size=1, **kwargs):
    dataset = training_dataset(
        source, PREPROCESSING, batch_size, with_labels=True, **kwargs
    )
    pairs = [(images[:, 0, 0, 0], labels) for images, labels in dataset]
    grays, labels = (np.concatenate(column) for column in zip(*pairs, strict=True))
    np.testing.assert_array_equal(grays.round(), labels)  # labels go with images
    return labels.tolist()


def evaluated(source):
    dataset = evaluation_dataset(source, PREPROCESSING, 1)
    return [labels.numpy().item() for _, labels in dataset]


@pytest.mark.parametrize(
    ("broken", "seen"),
    [
        ([], [0, 1, 2, 3, 4]),
        ([2], [0, 1, 3, 3, 4]),
        ([0], [1, 1, 2, 3, 4]),
        ([4], [0, 1, 2, 3, 3]),
        ([1, 2], [0, 3, 3, 3, 4]),
        ([0, 1, 3, 4], [2, 2, 2, 2, 2]),
    ],
)
def test_neighbours_stand_in_for_unreadable_examples(broken, seen):
    source = shades(5, broken)
    assert evaluated(source) == seen
    assert source.skipped == [f"example {index}" for index in broken]


def test_epochs_keep_their_length_and_order():
    whole, some = shades(12), shades(12, [3, 8])
    kept = trained_on(whole, 4, epochs=3)
    seen = trained_on(some, 4, epochs=3)
    assert len(seen) == 36
    assert all(a == b for a, b in zip(kept, seen, strict=True) if a not in (3, 8))
    assert sorted(some.skipped) == ["example 3", "example 8"]  # once, not every epoch


def test_resumed_run_sees_the_tail_of_the_full_run():
    full = trained_on(shades(7, [2, 5]), epochs=4)
    assert trained_on(shades(7, [2, 5]), epochs=4, first_epoch=2) == full[14:]


def test_a_run_that_goes_on_within_an_epoch_sees_the_rest_of_it():
    full = trained_on(shades(12, [2, 5]), 3, epochs=3)
    for step in range(4):
        rest = trained_on(
            shades(12, [2, 5]), 3, epochs=3, first_epoch=1, first_step=step
        )
        assert rest == full[12 + 3 * step :]


def test_what_comes_before_the_first_step_is_not_read():
    source = shades(12, range(12))
    source.order = lambda seed, epoch: tf.data.Dataset.range(12).map(lambda i: (i,))
    source.images = tf.stack([*source.images[:6], *map(png, range(6, 12))])
    assert trained_on(source, 3, epochs=1, first_step=2) == list(range(6, 12))
    assert source.skipped == []  # the broken ones were before


def test_a_long_row_is_replaced_and_named_as_far_as_remembered():
    source = shades(MOST_NAMED + 4, range(MOST_NAMED + 3))
    assert evaluated(source) == [MOST_NAMED + 3] * (MOST_NAMED + 4)
    assert len(source.skipped) == MOST_NAMED


def test_files_that_vanish_in_the_middle_are_named(tmp_path):
    names = ["a.png", "b.png", "c.png"]
    for gray, name in enumerate(names):
        (tmp_path / name).write_bytes(png(gray))
    paths = [str(tmp_path / name) for name in names]
    source = IndexedSource("files", paths, range(3), names, are_paths=True, names=names)
    assert evaluated(source) == [0, 1, 2]
    (tmp_path / "b.png").unlink()
    assert evaluated(source) == [0, 2, 2]
    assert source.skipped == ["b.png"]


def test_an_epoch_without_a_readable_image_is_an_error():
    with pytest.raises(tf.errors.InvalidArgumentError, match="no image of a whole"):
        evaluated(shades(3, [0, 1, 2]))
