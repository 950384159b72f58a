"""Models and batches whose training steps take no time."""

import keras
import numpy as np
import tensorflow as tf

from keras_mae import (
    ContextEncoder,
    ContextInpainter,
    ConvClassifier,
    MaskedAutoencoder,
    MaskTokenAutoencoder,
    ViTClassifier,
    ViTEncoder,
)
from keras_mae.models.training_step import TrainingStep
from keras_mae.optimizers import AdamW
from training.distribution import strategy_scope

from .conftest import TINY
from .test_context_encoder import TINY as TINY_CONVOLUTIONS

STEPS = 4


class Line(TrainingStep, keras.Model):
    """Two linear layers on pixels: a step of them is traced in no time."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = keras.layers.Dense(3, dtype=self.dtype_policy)
        self.second = keras.layers.Dense(3, dtype=self.dtype_policy)
        self.first.build((None, 16 * 24 * 3))
        self.second.build((None, 3))
        self.built = True

    def call(self, images, training=False):
        pixels = tf.reshape(images, (-1, 16 * 24 * 3))
        return self.second(self.first(pixels))


def autoencoder(**changes):
    return MaskedAutoencoder(**{**TINY, "depth": 1, **changes})


def classifier():
    sizes = ((16, 24), 8, 3, 16, 1, 2)
    encoder = ViTEncoder(*sizes, final_norm=False, drop_path_rate=0.5)
    return ViTClassifier(encoder, 3)


def mask_tokens():
    return MaskTokenAutoencoder(**{**TINY, "depth": 1}, corruption=(0.8, 0.1, 0.1))


def context_encoder():
    return ContextEncoder(**TINY_CONVOLUTIONS)


def conv_classifier():
    return ConvClassifier.from_encoder(context_encoder().encoder, 3)


def inpainter():
    sizes = {"image_size": (16, 24), "filters": (4, 6), "bottleneck": 8}
    return ContextInpainter(**sizes, overlap=2)


def batches(steps=STEPS, bad=()):
    """Batches of four images and labels; those at `bad` steps hold a NaN."""
    images = np.random.default_rng(0).normal(size=(steps, 4, 16, 24, 3))
    images[list(bad), 3, 5, 5] = np.nan
    labels = np.arange(4 * steps).reshape(steps, 4) % 3
    dataset = tf.data.Dataset.from_tensor_slices((images.astype("float32"), labels))
    return dataset.repeat()


def compiled(
    make,
    strategy="one",
    parts=1,
    optimizer=None,
    streams=1,
    compute="auto",
    remat=False,
    **kwargs,
):
    keras.utils.set_random_seed(0)
    with strategy_scope(strategy, 4, replicas=2):
        model = make()
        if isinstance(
            model, (Line, ViTClassifier, ConvClassifier)
        ):  # others bring their own
            kwargs["loss"] = keras.losses.SparseCategoricalCrossentropy(True)
            kwargs["metrics"] = ["accuracy"]
        # A large epsilon: without it Adam makes whole steps of rounding errors.
        arguments = {"weight_decay": 0.1, "epsilon": 1e-2, **(optimizer or {})}
        model.compute, model.remat = compute, remat
        model.compile(AdamW(1e-2, **arguments), **kwargs)
    model.accumulation_steps, model.streams = parts, streams
    return model


def train(model, data, steps=STEPS):
    kwargs = {"steps_per_epoch": steps, "shuffle": False, "verbose": 0}
    return model.fit(data, **kwargs).history
