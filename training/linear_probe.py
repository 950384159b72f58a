"""Judges features by a linear classifier: `python -m training.linear_probe --help`."""

import dataclasses

import keras
import tensorflow as tf

from keras_mae.program import one_line_errors

from .command_line import chosen_config, describe
from .data.source import shuffle_seed
from .judge import JudgeConfig, judge_features, judge_parser, report
from .published_probe import linear_probe, published_probe
from .published_probe_config import PublishedProbeConfig
from .recipes import list_recipes
from .schedules import check_warmup, warmup_cosine
from .settings import check_counts
from .workdir import check_writable


@dataclasses.dataclass(frozen=True)
class ProbeConfig(JudgeConfig):
    """Settings of the linear probe on features that are encoded once."""

    # Passes over the training features.
    epochs: int = 90
    # Passes in which the learning rate rises linearly from 0.
    warmup_epochs: float = 10
    # Images of one step.
    batch_size: int = 256
    # Learning rate for a batch of 256.
    base_learning_rate: float = 0.1

    TINY = ("epochs=5", "warmup_epochs=1")

    def check(self):
        super().check()
        check_counts(self, ("epochs", "batch_size"))
        check_warmup(self)


def probe_accuracy(features, config):
    """Returns top-1 accuracies of a linear classifier on standardised, frozen features.

    Batch norm without affine parameters (epsilon 1e-6, momentum .9), then one dense
    layer N(0, .01); SGD with momentum, no weight decay, warm-up and cosine. The
    features are computed once, without augmentation.

    A step of LARS is a small share of the weights' length, made for batches of 16,384:
    the few small batches of a small data set would leave it near its first weights,
    hence SGD. For the probe as published see `published_probe`.

    Args:
        features: `Features`.
        config: `ProbeConfig`.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), A.1.
    """
    batch_size = min(config.batch_size, len(features.train))
    steps = len(features.train) // batch_size
    schedule = warmup_cosine(
        config.base_learning_rate * batch_size / 256,
        config.epochs,
        config.warmup_epochs,
        steps,
    )
    probe = linear_probe(features.train.shape[1], features.num_classes, config.seed)
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
        _batches(features, batch_size, config),
        steps_per_epoch=steps,
        epochs=config.epochs,
        shuffle=False,  # done by the data set
        verbose=0,
    ).history
    _, accuracy = probe.evaluate(
        features.test, features.test_labels, batch_size=1024, verbose=0
    )
    return {"accuracy": accuracy, "train_accuracy": history["accuracy"][-1]}


def _batches(features, batch_size, config):
    """Returns the full batches of all epochs, each in an order of its own."""
    with tf.device("CPU"):  # as arrays they would be constants, of 2 GiB at most
        examples = tuple(
            tf.convert_to_tensor(array)
            for array in (features.train, features.train_labels)
        )
    places = tf.range(len(features.train))

    def of_epoch(epoch):
        order = tf.random.experimental.stateless_shuffle(
            places, shuffle_seed(config.seed, epoch)
        )
        order = tf.data.Dataset.from_tensor_slices(order)
        return order.batch(batch_size, drop_remainder=True)

    dataset = tf.data.Dataset.range(config.epochs).flat_map(of_epoch)
    dataset = dataset.map(lambda chosen: tuple(tf.gather(x, chosen) for x in examples))
    return dataset.prefetch(tf.data.AUTOTUNE)


def _arguments(argv):
    parser = judge_parser(
        "linear_probe",
        "Trains a linear classifier on the frozen encoder's features, beside a random "
        "encoder's and raw pixels': quickly, on features that are encoded once. With "
        "--recipe, as published: a run with crops, flips and LARS, which encodes all "
        "images in every epoch, and which goes on when it was interrupted.",
        ProbeConfig(),
    )
    recipes = ", ".join(list_recipes(PublishedProbeConfig))
    parser.add_argument("--recipe", help=f"probe as published; one of: {recipes}")
    parser.add_argument(
        "--workdir", help="folder of a run with a recipe (default: runs/RECIPE)"
    )
    parser.epilog += "\n\nkeys of --set with a recipe:\n"
    parser.epilog += describe(PublishedProbeConfig())
    return parser.parse_args(argv)


def _published(arguments):
    with one_line_errors():
        if arguments.output:
            check_writable(arguments.output, "--output")
        results = published_probe(
            chosen_config(arguments, PublishedProbeConfig),
            arguments.data,
            arguments.workdir or f"runs/{arguments.recipe}",
            arguments.model,
            arguments.data_dir,
            arguments.strategy,
            arguments.replicas,
        )
        report(results, arguments.output)
    return results


def main(argv=None):
    """Runs the program; returns its results."""
    arguments = _arguments(argv)
    if arguments.recipe:
        return _published(arguments)
    return judge_features("linear_probe", arguments, ProbeConfig(), probe_accuracy)


if __name__ == "__main__":
    main()
