import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mae.optimizers import AdamW
from training.distribution import strategy_scope

STEPS = 3


@pytest.fixture
def batches(images):
    """Batches of images and noise, so that masks are the same everywhere."""
    noise = np.random.default_rng(1).random((STEPS, 4, 6)).astype("float32")
    inputs = {"images": np.stack([images] * STEPS), "noise": noise}
    return tf.data.Dataset.from_tensor_slices(inputs)


def train(tiny, batches, strategy, optimizer=None, **kwargs):
    keras.utils.set_random_seed(0)
    with strategy_scope(strategy, 4, replicas=2):
        model = tiny()
        make = optimizer or (lambda: keras.optimizers.SGD(0.1))
        model.compile(optimizer=make(), **kwargs)
    history = model.fit(batches, epochs=2, shuffle=False, verbose=0)
    return history.history["loss"], [np.array(weight) for weight in model.weights]


def test_two_replicas_equal_one_device(tiny, batches):
    loss, weights = train(tiny, batches, "one")
    loss_of_two, weights_of_two = train(tiny, batches, "mirrored")
    np.testing.assert_allclose(loss_of_two, loss, atol=1e-6)
    for one, two in zip(weights, weights_of_two, strict=True):
        np.testing.assert_allclose(two, one, atol=1e-6)


def test_two_replicas_decay_weights_as_one_device(tiny, batches):
    def optimizer():
        # A large epsilon: without it Adam makes whole steps of rounding errors.
        return AdamW(1e-2, weight_decay=0.5, epsilon=1e-2)

    _, weights = train(tiny, batches, "one", optimizer)
    _, weights_of_two = train(tiny, batches, "mirrored", optimizer)
    for one, two in zip(weights, weights_of_two, strict=True):
        np.testing.assert_allclose(two, one, atol=1e-6)


def test_steps_per_execution_changes_nothing_under_replicas(tiny, batches):
    _, weights = train(tiny, batches, "mirrored")
    _, weights_of_three = train(tiny, batches, "mirrored", steps_per_execution=3)
    for one, three in zip(weights, weights_of_three, strict=True):
        np.testing.assert_allclose(three, one, atol=1e-6)


def test_replicas_draw_different_masks(tiny, images):
    with strategy_scope("mirrored", 4, replicas=2):
        strategy = tf.distribute.get_strategy()
        model = tiny()
        model.compile(optimizer=keras.optimizers.SGD(0.1))
        same = tf.constant(images[:2])
        outputs = strategy.run(lambda x: model(x, training=True), args=(same,))
    first, second = strategy.experimental_local_results(outputs["mask"])
    assert np.any(np.array(first) != np.array(second))
