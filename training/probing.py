"""Judges an encoder's features every few epochs while it is pre-trained."""

import keras
import numpy as np

from .evaluate import figures
from .features import FrozenEncoder, encode


class Probing(keras.callbacks.Callback):
    """Adds what judges say of whole images' features to the logs of an epoch.

    The encoder is read as it is and nothing global is drawn from: a run that is
    probed ends with the weights that it would have had. All replicas encode. Place it
    before the callbacks that log what they find.

    Args:
        splits: Pair of labelled sources, the judges' training and test images.
        every, epochs: Integers. Epochs between two probes, and of the whole run, whose
            last epoch has one too.
        judges: Names, of `training.evaluate.JUDGES`.
        max_images: Optional integer. So many of each split, evenly spread over it.
        batch_size: Integer. Images encoded at once, over all replicas.
        pooling: `"gap"` or `"token"`.
        seed: Integer, of all that is random in the judges.
    """

    def __init__(
        self,
        splits,
        every,
        epochs,
        judges=("knn",),
        max_images=None,
        batch_size=256,
        pooling="gap",
        seed=0,
    ):
        super().__init__()
        self.splits = splits
        self.every = every
        self.epochs = epochs
        self.judges = judges
        self.max_images = max_images
        self.batch_size = batch_size
        self.pooling = pooling
        self.seed = seed

    def on_train_begin(self, logs=None):
        self.frozen = FrozenEncoder(
            self.model.encoder, self.pooling, self.model.streams
        )

    def on_epoch_end(self, epoch, logs=None):
        last = epoch + 1 == self.epochs
        if (epoch + 1) % self.every and not last:
            return
        features = encode(
            self.frozen,
            self.splits,
            self.model.preprocessing,
            self.batch_size,
            self.max_images,
        )
        if np.isfinite(features.train).all():  # else the run has diverged
            logs.update(figures(features, self.judges, self.seed))
