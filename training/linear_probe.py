"""Judges features by a linear classifier: `python -m training.linear_probe --help`."""

import dataclasses

import keras

from .judge import judge
from .schedules import warmup_cosine


@dataclasses.dataclass(frozen=True)
class ProbeConfig:
    """Settings of the linear probe."""

    # Passes over the training features.
    epochs: int = 90
    # Passes in which the learning rate rises linearly from 0.
    warmup_epochs: float = 10
    # Images of one step.
    batch_size: int = 256
    # Learning rate for a batch of 256.
    base_learning_rate: float = 0.1
    # Images of each split, the first ones; None for all.
    max_images: int | None = None
    # gap (mean of the patches) or token (class token).
    pooling: str = "gap"
    # Seed of the probe's weights and order, and of the random encoder's weights.
    seed: int = 0

    TINY = ("epochs=5", "warmup_epochs=1")


def probe_accuracy(features, config):
    """Returns top-1 accuracies of a linear classifier on standardised, frozen features.

    Batch norm without affine parameters (epsilon 1e-6, momentum .9), then one dense
    layer N(0, .01); SGD with momentum, no weight decay, warm-up and cosine. The
    features are computed once, without augmentation.

    Args:
        features: `Features`.
        config: `ProbeConfig`.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), A.1, linear probing
        (whose optimizer is LARS, for batches of 16,384).
    """
    keras.utils.set_random_seed(config.seed)
    batch_size = min(config.batch_size, len(features.train))
    steps = -(-len(features.train) // batch_size)
    schedule = warmup_cosine(
        config.base_learning_rate * batch_size / 256,
        config.epochs,
        config.warmup_epochs,
        steps,
    )
    probe = linear_probe(features.train.shape[1], 1 + int(features.train_labels.max()))
    # Moving averages begin at the true values: few steps are enough then.
    norm = probe.layers[0]
    norm.moving_mean.assign(features.train.mean(0))
    norm.moving_variance.assign(features.train.var(0))
    probe.compile(
        keras.optimizers.SGD(schedule, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    history = probe.fit(
        features.train,
        features.train_labels,
        batch_size=batch_size,
        epochs=config.epochs,
        verbose=0,
    ).history
    _, accuracy = probe.evaluate(
        features.test, features.test_labels, batch_size=1024, verbose=0
    )
    return {"accuracy": accuracy, "train_accuracy": history["accuracy"][-1]}


def linear_probe(dim, num_classes):
    """Returns the classifier: batch norm without affine parameters, one dense layer."""
    return keras.Sequential(
        [
            keras.Input((dim,)),
            keras.layers.BatchNormalization(
                momentum=0.9, epsilon=1e-6, center=False, scale=False
            ),
            keras.layers.Dense(
                num_classes, kernel_initializer=keras.initializers.RandomNormal(0, 0.01)
            ),
        ]
    )


def main(argv=None):
    """Runs the program; returns its results."""
    return judge(
        "linear_probe",
        "Trains a linear classifier on the frozen encoder's features, beside a random "
        "encoder's and raw pixels.",
        ProbeConfig(),
        probe_accuracy,
        argv,
    )


if __name__ == "__main__":
    main()
