"""Steps of `fit` are timed one by one; twins compute in half precision."""

import keras
import numpy as np
import pytest

import keras_mae
from training.benchmark.models import NUM_CLASSES, _compiled, _precision
from training.benchmark.plain_autoencoder import PlainAutoencoder
from training.benchmark.steps import random_images, random_labels, time_steps
from training.config import PretrainConfig


@pytest.fixture
def model():
    """One dense layer of one pixel."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=2)
    return model


def test_every_call_of_the_step_is_timed(model):
    called = []
    batch = (np.ones((2, 1)), np.ones((2, 1)))
    seconds = time_steps(model, batch, 3, lambda: called.append(len(called)))
    assert len(seconds) == 3
    assert all(0 < value < 60 for value in seconds)
    assert called == [0, 1, 2]
    assert model.optimizer.iterations.numpy() == 6


def test_labels_are_one_class_each():
    np.testing.assert_array_equal(
        random_labels(2, 3), [[1, 0], [0, 1], [1, 0]], strict=False
    )
    assert random_labels(NUM_CLASSES, 2).shape == (2, 1000)


def test_the_twin_computes_in_half_precision_and_its_loss_in_single():
    model = keras_mae.MaskedAutoencoder(
        8, 4, 3, embed_dim=8, depth=1, num_heads=2, decoder_embed_dim=8,
        decoder_depth=1, decoder_num_heads=2, norm_pix_loss=True,
    )  # fmt: skip
    with _precision("mixed_bfloat16"):
        twin = _compiled(PlainAutoencoder(model), PretrainConfig())
    assert keras.config.dtype_policy().name == "float32"
    pred, patches, mask = twin(random_images(model.encoder, 2))
    assert pred.dtype == "bfloat16"
    loss = twin.compute_loss(None, None, (pred, patches, mask))
    assert loss.dtype == "float32"
    assert np.isfinite(loss)
