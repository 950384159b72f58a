"""The linear probe as it was published: a classifier on a frozen encoder, with LARS.

The encoder does not change, so the features of a large batch are encoded a few images
at a time, on all replicas, and the classifier then makes its step on all of them:
batches of 16,384 need no more memory than small ones, and statistics, gradient and
trust ratio are those of the whole batch on any number of devices.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_mae.optimizers import LARS, pretraining_rules
from keras_mae.weights import load_encoder

from .augmentation import clipped_crop_window
from .checkpoint import newest_checkpoint, restore
from .data import (
    evaluation_dataset,
    num_images,
    steps_per_epoch,
    training_dataset,
)
from .distribution import ON_ONE_MACHINE, pick_strategy, strategy_scope
from .evaluation import loss_and_metrics
from .extraction.extractor import digest_of
from .features import FrozenEncoder, check_labels, load_splits
from .fitting import fit
from .input_watch import InputWait, UnreadableImages
from .rule_audit import audit_rules
from .schedules import warmup_cosine
from .workdir import open_workdir, save_model


def linear_probe(dim, num_classes, seed=0):
    """Returns the classifier: batch norm without affine parameters, one dense layer.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), A.1.
    """
    init = keras.initializers.RandomNormal(0, 0.01, seed)
    return keras.Sequential(
        [
            keras.Input((dim,)),
            keras.layers.BatchNormalization(
                momentum=0.9, epsilon=1e-6, center=False, scale=False
            ),
            keras.layers.Dense(num_classes, kernel_initializer=init),
        ]
    )


def compile_probe(probe, config, steps):
    """Compiles with LARS (momentum .9, trust 1e-3, no decay) and the schedule.

    Returns:
        What it does with each variable, a dictionary of `VariableRule`s.
    """
    schedule = warmup_cosine(
        config.base_learning_rate * config.batch_size / 256,
        config.epochs,
        config.warmup_epochs,
        steps,
    )
    optimizer = LARS(schedule)
    probe.compile(optimizer, **loss_and_metrics(probe.output_shape[-1]))
    return pretraining_rules(probe, optimizer.weight_decay)


def published_probe(
    config, data, workdir, model, data_dir=None, strategy="one", replicas=None
):
    """Trains, or resumes, a probe and judges on the held-out split.

    Args:
        config: A `PublishedProbeConfig`.
        data: Data spec with labels, see `training.data.load_source`.
        workdir: Path of the run; its `model.keras` maps features to logits.
        model: Path of a model, anything that `keras_mae.load` reads.
        data_dir: Where prepared TFDS data sets lie.
        strategy: Name of a strategy on one machine, see `pick_strategy`.
        replicas: See `strategy_scope`.

    Returns:
        The results as a dictionary.

    Raises:
        InputError: Settings, model, data or folder that cannot be used.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), A.1, table 10.
    """
    config.check()
    strategy = pick_strategy(strategy, replicas=replicas, names=ON_ONE_MACHINE)
    scope = strategy_scope(strategy, config.encode_batch_size, replicas)
    with scope:
        encoder = load_encoder(model)
    frozen = FrozenEncoder(encoder, config.pooling)
    source, held_out = load_splits(data, data_dir)
    steps = config.steps_per_epoch or steps_per_epoch(source, config.batch_size)
    saved = newest_checkpoint(workdir)
    probe = linear_probe(encoder.embed_dim, source.num_classes, config.seed)
    rules = compile_probe(probe, config, steps)
    wait = InputWait()

    def batches(first_epoch, first_step=0):
        first = (first_epoch, first_step)
        images = _images(source, encoder, frozen, config, steps, *first)
        return feature_batches(frozen, wait.watch(images), config, source.num_classes)

    batches(saved.epoch)  # or says what is wrong with the settings
    workdir = open_workdir(
        workdir,
        config,
        data=data,
        model=model,
        model_sha256=digest_of(model),
        examples=source.num_found,
    )
    audit_rules(probe, rules, workdir)
    restore(probe, saved)
    tests = _test_features(held_out, encoder, frozen, config, source.num_classes)
    history = fit(
        probe,
        batches,
        config,
        workdir,
        steps,
        saved,
        [UnreadableImages(source, workdir)],
        wait=wait,
        validation_data=tests,
    )
    judged = probe.evaluate(*tests, verbose=0, return_dict=True)
    return {
        "program": "linear_probe",
        "model": model,
        "data": data,
        "probe": str(_save(probe, workdir)),
        "epochs": config.epochs,
        "steps": config.epochs * steps,
        "train_images": source.num_examples,
        "test_images": num_images(held_out, config.max_test_images),
        **history,
        **{f"test_{name}": round(value, 6) for name, value in judged.items()},
    }


def feature_batches(frozen, images, config, num_classes):
    """Returns the features of whole batches, however many images are encoded at once.

    Args:
        frozen: A `FrozenEncoder`.
        images: `tf.data.Dataset` of batches of images and labels.
        config: A `PublishedProbeConfig`.
        num_classes: Integer.

    Returns:
        `tf.data.Dataset` of float32 features `(batch_size, dim)` and float32 labels
        `(batch_size, num_classes)`.
    """
    features = tf.data.Dataset.from_generator(
        lambda: frozen(images),
        output_signature=(
            tf.TensorSpec((None, frozen.dim), tf.float32),
            tf.TensorSpec((None,), tf.int32),
        ),
    )
    batches = features.rebatch(config.batch_size, drop_remainder=True)
    return batches.map(lambda x, labels: (x, tf.one_hot(labels, num_classes)))


def _images(source, encoder, frozen, config, steps, first_epoch, first_step):
    """Returns small batches of the images of all epochs, for the replicas in turn."""
    most = frozen.batch_size_of_one(config.encode_batch_size)
    batch_size = max(n for n in range(1, most + 1) if config.batch_size % n == 0)
    parts = config.batch_size // batch_size
    return training_dataset(
        source,
        encoder.preprocessing,
        batch_size,
        epochs=config.epochs,
        first_epoch=first_epoch,
        first_step=first_step * parts,
        steps=steps * parts,
        seed=config.seed,
        crop_scale=config.crop_scale,
        crop_window=clipped_crop_window,
        flip=config.flip,
        with_labels=True,
    )


def _test_features(source, encoder, frozen, config, num_classes):
    batch_size = frozen.batch_size_of_one(config.encode_batch_size)
    batches = evaluation_dataset(
        source, encoder.preprocessing, batch_size, max_images=config.max_test_images
    )
    features, labels = zip(*frozen(batches), strict=True)
    labels = np.concatenate(labels)
    check_labels(labels, num_classes, source.name)
    return np.concatenate(features), keras.utils.to_categorical(labels, num_classes)


def _save(probe, workdir):
    """Saves the probe without its optimizer; returns the path."""
    copy = linear_probe(probe.input_shape[-1], probe.output_shape[-1])
    copy.set_weights(probe.get_weights())
    return save_model(copy, workdir)
