"""A tiny classifier, and three steps of it on two replicas or one device."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_mae
from training.distribution import strategy_scope


@pytest.fixture
def classifier():
    """Returns a function that makes a classifier of two blocks and four patches."""

    def make(**overrides):
        encoder = keras_mae.ViTEncoder(16, 8, 3, 16, 2, 2)
        return keras_mae.ViTClassifier.from_encoder(encoder, 3, **overrides)

    return make


@pytest.fixture
def fit(classifier):
    """Returns a function that trains three steps; gives the weights afterwards."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(12, 16, 16, 3)).astype("float32")
    batches = tf.data.Dataset.from_tensor_slices((images, np.arange(12) % 3)).batch(4)

    def run(make_optimizer, strategy="one", **kwargs):
        keras.utils.set_random_seed(0)
        with strategy_scope(strategy, 4, replicas=2):
            model = classifier(**kwargs)
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(make_optimizer(model), loss)
        model.fit(batches, shuffle=False, verbose=0)
        return [np.array(weight) for weight in model.weights]

    return run
