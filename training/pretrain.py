"""Pre-trains a masked autoencoder: `python -m training.pretrain --help`."""

import dataclasses
import inspect
import json
import math
import sys
import time

import keras

import keras_mae
from keras_mae.optimizers import AdamW
from keras_mae.program import InputError, checking_input, one_line_errors, unknown

from .callbacks import ReconstructionPictures, Throughput
from .checkpoint import Checkpoint, epochs_done, restore
from .command_line import (
    add_data_arguments,
    add_set_argument,
    apply_settings,
    program_parser,
)
from .config import TINY, PretrainConfig
from .data import evaluation_dataset, load_source, steps_per_epoch, training_dataset
from .distribution import STRATEGIES, strategy_scope
from .recipes import get_recipe, list_recipes
from .schedules import warmup_cosine
from .workdir import MODEL, open_workdir

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
MODEL_ARGUMENTS = inspect.signature(keras_mae.MaskedAutoencoder.__init__).parameters


class TrainingDiverged(RuntimeError):
    """The loss is not a number any more."""


def build_model(config, dtype=None):
    """Returns the `MaskedAutoencoder` of a `PretrainConfig`, randomly initialised."""
    chosen = {
        name: value
        for name, value in vars(config).items()
        if name in MODEL_ARGUMENTS and value is not None
    }
    preset = keras_mae.presets.get_preset(config.preset).config
    preprocessing = keras_mae.Preprocessing(
        chosen.get("image_size", preset["image_size"]),
        chosen.get("num_channels", preset.get("num_channels", 3)),
        config.mean,
        config.std,
        config.crop_ratio,
    )
    return keras_mae.MaskedAutoencoder.from_preset(
        config.preset,
        **chosen,
        preprocessing=preprocessing,
        dtype=dtype or config.precision,
    )


def compile_model(model, config, steps):
    """Compiles with AdamW and the warm-up and cosine schedule of every step."""
    learning_rate = config.base_learning_rate * config.batch_size / 256
    schedule = warmup_cosine(learning_rate, config.epochs, config.warmup_epochs, steps)
    model.compile(
        optimizer=AdamW(schedule, config.weight_decay, beta_2=config.beta_2),
        jit_compile=config.xla,
        steps_per_execution=config.steps_per_execution,
    )


def pretrain(config, data, workdir, data_dir=None, strategy="one", replicas=None):
    """Trains, or resumes, and returns the results as a dictionary.

    Args:
        config: A `PretrainConfig`.
        data: Data spec, see `training.data.load_source`.
        workdir: Path of the run.
        data_dir: Where prepared TFDS data sets lie.
        strategy, replicas: See `strategy_scope`.

    Raises:
        InputError: Settings, data or folder that cannot be used.
    """
    _check(config, strategy)
    scope = strategy_scope(strategy, config.batch_size, replicas)
    source = load_source(data, "train", data_dir)
    steps = config.steps_per_epoch or steps_per_epoch(source, config.batch_size)
    _check_execution(config, steps)
    first_epoch = epochs_done(workdir)
    keras.utils.set_random_seed(config.seed)
    with scope:
        with checking_input():
            model = build_model(config)
        compile_model(model, config, steps)
        # All that can be wrong with the settings has shown once the data is set up.
        batches = _batches(source, model, config, steps, first_epoch)
        workdir = open_workdir(workdir, config, data)
        restore(model, workdir)
    if first_epoch:
        print(f"resuming after epoch {first_epoch} of {config.epochs}")
    history = {}
    if first_epoch < config.epochs:
        shown = next(iter(evaluation_dataset(source, model.preprocessing, 8)))[0]
        history = _fit(model, batches, shown, config, workdir, steps, first_epoch)
    if not math.isfinite(history.get("loss", 0)):
        raise TrainingDiverged(
            f"the loss became {history['loss']}; {workdir} keeps the last good "
            "checkpoint. Use a lower base_learning_rate, a longer warm-up, or "
            "precision=float32"
        )
    return {
        "program": "pretrain",
        "model": str(save_for_inference(model, config, workdir / MODEL)),
        "epochs": config.epochs,
        "steps": config.epochs * steps,
        "images": source.num_examples,
        "skipped_images": len(source.skipped),
        **history,
    }


def save_for_inference(model, config, path):
    """Saves the model in float32, without optimizer; the file is complete or absent."""
    copy = build_model(config, dtype="float32")
    copy.set_weights(model.get_weights())
    partial = path.with_name(f"partial.{path.name}")
    copy.save(partial)
    partial.replace(path)
    return path


def _batches(source, model, config, steps, first_epoch):
    return training_dataset(
        source,
        model.preprocessing,
        config.batch_size,
        epochs=config.epochs,
        first_epoch=first_epoch,
        steps=steps,
        seed=config.seed,
        crop_scale=config.crop_scale,
        flip=config.flip,
    )


def _fit(model, batches, shown, config, workdir, steps, first_epoch):
    logs = workdir / "logs"
    began = time.perf_counter()
    history = model.fit(
        batches,
        steps_per_epoch=steps,
        epochs=config.epochs,
        initial_epoch=first_epoch,
        shuffle=False,  # done by the data set
        verbose=1 if sys.stdout.isatty() else 2,
        callbacks=[
            Throughput(config.batch_size),
            ReconstructionPictures(shown, logs / "pictures", config.picture_every),
            keras.callbacks.TensorBoard(logs, write_graph=False),
            keras.callbacks.TerminateOnNaN(),
            Checkpoint(workdir),
        ],
    ).history
    results = {name: round(values[-1], 6) for name, values in history.items()}
    return {**results, "seconds": round(time.perf_counter() - began, 1)}


def _check(config, strategy):
    if config.precision not in PRECISIONS:
        raise unknown("precision", config.precision, PRECISIONS)
    if config.xla and strategy == "mirrored":
        raise InputError(
            "xla=True does not work under --strategy mirrored: TensorFlow cannot "
            "compile a step over several replicas; add --set xla=false"
        )
    for name in ("epochs", "batch_size", "steps_per_execution", "picture_every"):
        if getattr(config, name) < 1:
            raise InputError(
                f"{name} must be at least 1; received {getattr(config, name)}"
            )


def _check_execution(config, steps):
    count = config.steps_per_execution
    if steps % count:
        fitting = [n for n in range(1, steps + 1) if steps % n == 0 and n <= 2 * count]
        raise InputError(
            f"steps_per_execution must divide the {steps} steps of an epoch; "
            f"received {count}, try {fitting[-1]}"
        )


def _arguments(argv):
    parser = program_parser(
        "Pre-trains a masked autoencoder on images. Run again with the same command, "
        "an interrupted run goes on from its last epoch.",
        [
            "python -m training.pretrain --recipe demo --data demo --workdir runs/demo",
            "python -m training.pretrain --recipe photos_vit_small --data folder:DIR "
            "--workdir runs/photos --set epochs=100 batch_size=32",
            "tensorboard --logdir runs",
        ],
        PretrainConfig(),
    )
    parser.add_argument(
        "--recipe", required=True, help=f"one of: {', '.join(list_recipes())}"
    )
    add_data_arguments(parser)
    parser.add_argument("--workdir", help="folder of the run (default: runs/RECIPE)")
    parser.add_argument(
        "--strategy", default="one", help=f"one of: {', '.join(STRATEGIES)}"
    )
    parser.add_argument(
        "--replicas", type=int, help="logical CPU devices of mirrored, without a GPU"
    )
    add_set_argument(parser)
    parser.add_argument(
        "--tiny", action="store_true", help="shrink everything: ends within a minute"
    )
    return parser.parse_args(argv)


def main(argv=None):
    """Runs the program; returns its results."""
    arguments = _arguments(argv)
    with one_line_errors():
        config = get_recipe(arguments.recipe)
        if arguments.tiny:
            config = dataclasses.replace(config, **TINY)
        config = apply_settings(config, arguments.set)
        results = pretrain(
            config,
            arguments.data,
            arguments.workdir or f"runs/{arguments.recipe}",
            arguments.data_dir,
            arguments.strategy,
            arguments.replicas,
        )
    print(json.dumps(results))
    return results


if __name__ == "__main__":
    main()
