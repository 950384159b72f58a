import os
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from training.data import IndexedSource
from training.input_watch import InputWait, UnreadableImages


def slow(seconds):
    """Returns a function that sleeps inside a `tf.data` map or a layer."""

    def sleep(x):
        time.sleep(seconds)
        return x

    return lambda x: tf.ensure_shape(
        tf.numpy_function(sleep, [x], x.dtype, stateful=True), x.shape
    )


class SlowLayer(keras.layers.Layer):
    def call(self, x):
        return slow(0.02)(x)


def trained(layers, input_seconds=0.0, **kwargs):
    """Returns the shares of two epochs of 10 steps."""
    wait = InputWait()
    dataset = tf.data.Dataset.from_tensors(np.ones((2, 1), "float32")).repeat()
    dataset = dataset.map(lambda x: (slow(input_seconds)(x), x)).prefetch(4)
    options = tf.data.Options()
    # As all data of programs: on one core, steps would have none beside a slow input.
    options.threading.private_threadpool_size = 2
    dataset = dataset.with_options(options)
    model = keras.Sequential([keras.Input((1,)), *layers, keras.layers.Dense(1)])
    model.compile(loss="mse", **kwargs)
    arguments = {"steps_per_epoch": 10, "epochs": 2, "shuffle": False, "verbose": 0}
    history = model.fit(wait.watch(dataset), callbacks=[wait], **arguments)
    return history.history["input_wait"]


@pytest.mark.parametrize("steps_per_execution", [1, 5])
def test_slow_input_is_waited_for_and_told(capsys, steps_per_execution):
    shares = trained([], 0.02, steps_per_execution=steps_per_execution)
    assert min(shares) > 0.5
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2  # once an epoch
    assert f"input limits training: {shares[1]:.0%} of epoch 2 went" in told[1]
    assert "training.make_tfrecords" in told[1]


def test_slow_training_waits_for_nothing(capsys):
    assert max(trained([SlowLayer()])) < 0.2
    assert not capsys.readouterr().err


def test_watched_data_are_the_same():
    dataset = tf.data.Dataset.range(5).map(lambda x: {"x": x, "y": (x, -x)}).batch(2)
    watched = InputWait().watch(dataset)
    assert watched.element_spec == dataset.element_spec
    assert watched.cardinality() == dataset.cardinality()
    for one, other in zip(dataset, watched, strict=True):
        np.testing.assert_array_equal(one["y"][1], other["y"][1])


def test_two_replicas_can_be_watched():
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"],
        cross_device_ops=tf.distribute.HierarchicalCopyAllReduce(),
    )
    with strategy.scope():
        shares = trained([], 0.02)
    assert min(shares) > 0.5


def test_unreadable_images_are_listed_as_they_show(tmp_path):
    source = IndexedSource("two", np.zeros((2, 1, 1, 1), "uint8"), names=["a", "b"])
    listing, path = UnreadableImages(source, tmp_path), tmp_path / "unreadable.txt"
    listing.on_train_begin()
    assert not path.exists()
    source.skipped.append("c")
    listing.on_train_begin()
    source.skip([1])
    listing.on_epoch_end(0)
    assert path.read_text() == "c\nb\n"


def test_a_resumed_run_adds_to_the_list(tmp_path):
    latin_1 = os.fsdecode(b"caf\xe9")  # as an old disk may have it
    for names in (["a", latin_1], [latin_1, "c"]):
        pixels = np.zeros((1, 1, 1, 1), "uint8")
        source = IndexedSource("one", pixels, skipped=names)
        UnreadableImages(source, tmp_path).on_train_begin()
    assert (tmp_path / "unreadable.txt").read_text() == "a\ncaf\\xe9\nc\n"
