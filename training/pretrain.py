"""Pre-trains a model by masking: `python -m training.pretrain --help`."""

import functools
import json

import keras

from keras_mae.layers.vit_encoder import check_pooling
from keras_mae.optimizers import AdamW, adamw_arguments, pretraining_rules
from keras_mae.program import checking_input, one_line_errors

from .callbacks import ReconstructionPictures
from .checkpoint import restore
from .command_line import add_run_arguments, chosen_config, program_parser
from .compute import choose_streams, set_compute
from .config import PretrainConfig
from .data import evaluation_dataset, load_source, steps_per_epoch, training_dataset
from .distribution import pick_strategy, strategy_scope
from .evaluate import check_judges
from .features import load_splits
from .fitting import fit
from .hosts import (
    agreed_checkpoint,
    host_of,
    of_all_hosts,
    telling_of_lost_workers,
)
from .input_watch import UnreadableImages
from .probing import Probing
from .rule_audit import audit_rules
from .schedules import warmup_cosine
from .settings import check_execution, check_settings
from .systems import build_model
from .workdir import open_workdir, save_model


def compile_model(model, config, steps, streams=1):
    """Compiles with AdamW and the warm-up and cosine schedule; returns the rules."""
    learning_rate = config.base_learning_rate * config.batch_size / 256
    schedule = warmup_cosine(learning_rate, config.epochs, config.warmup_epochs, steps)
    rules = pretraining_rules(model, config.weight_decay)
    set_compute(model, config, streams)
    model.compile(
        optimizer=AdamW(
            schedule,
            config.weight_decay,
            config.beta_1,
            config.beta_2,
            global_clipnorm=config.clip_norm,
            **adamw_arguments(model, rules),
        ),
        steps_per_execution=config.steps_per_execution,
    )
    return rules


def pretrain(config, data, workdir, data_dir=None, strategy="one", replicas=None):
    """Trains, or resumes, and returns the results as a dictionary.

    Args:
        config: A `PretrainConfig`.
        data: Data spec, see `training.data.load_source`.
        workdir: Path of the run.
        data_dir: Where prepared TFDS data sets lie.
        strategy, replicas: See `pick_strategy` and `strategy_scope`.

    Raises:
        InputError: Settings, data or folder that cannot be used.
    """
    counts = ["picture_every", "probe_every", "probe_images", "mask_unit"]
    strategy = pick_strategy(strategy, config.compute, replicas)
    check_settings(config, strategy, counts)
    check_judges(config.probes)
    check_pooling(config.probe_pooling)
    streams = choose_streams(config, strategy)
    scope = strategy_scope(
        strategy, config.batch_size, replicas, config.accumulation_steps
    )
    source, *held_out = _splits(data, data_dir, config)
    steps = config.steps_per_epoch or steps_per_epoch(source, config.batch_size)
    check_execution(config, steps)
    keras.utils.set_random_seed(config.seed)
    with scope:
        with checking_input():
            model = build_model(config)
        rules = compile_model(model, config, steps, streams)
        distribution = model.distribute_strategy
        host = host_of(distribution)
        saved = agreed_checkpoint(distribution, workdir)
        # All that can be wrong with the settings has shown once the data is set up.
        batches = functools.partial(_batches, source, model, config, steps)
        batches(saved.epoch)
        reads = {"data": data, "examples": source.num_found}
        workdir = open_workdir(host.folder(workdir), config, **reads)
        audit_rules(model, rules, workdir)
        restore(model, saved)
    pictures = [_pictures(source, model, config, workdir)] if host.is_chief else []
    callbacks = [
        *pictures,
        UnreadableImages(source, workdir),
        *[_probing((source, test), config) for test in held_out],
    ]
    history = fit(model, batches, config, workdir, steps, saved, callbacks)
    path = save_for_inference(model, config, workdir) if host.is_chief else None
    return {
        "program": "pretrain",
        "model": path and str(path),
        "epochs": config.epochs,
        "steps": config.epochs * steps,
        "images": source.num_examples,
        "skipped_images": int(of_all_hosts(distribution, len(source.skipped)).sum()),
        **history,
    }


def save_for_inference(model, config, workdir):
    """Saves the model in float32, without optimizer; returns the path."""
    copy = build_model(config, dtype="float32")
    copy.set_weights(model.get_weights())
    return save_model(copy, workdir)


def _batches(source, model, config, steps, first_epoch, first_step=0):
    host, num_hosts = host_of(model.distribute_strategy)
    return training_dataset(
        source,
        model.preprocessing,
        config.batch_size,
        epochs=config.epochs,
        first_epoch=first_epoch,
        first_step=first_step,
        steps=steps,
        seed=config.seed,
        crop_scale=config.crop_scale,
        flip=config.flip,
        host=host,
        num_hosts=num_hosts,
    )


def _splits(data, data_dir, config):
    """Returns the training source and, where features are probed, the held-out one."""
    if config.probe_every is None:
        return [load_source(data, "train", data_dir)]
    return load_splits(data, data_dir)


def _probing(splits, config):
    return Probing(
        splits,
        config.probe_every,
        config.epochs,
        config.probes,
        config.probe_images,
        config.batch_size // config.accumulation_steps,
        config.probe_pooling,
        config.seed,
    )


def _pictures(source, model, config, workdir):
    shown = next(iter(evaluation_dataset(source, model.preprocessing, 8)))[0]
    logs = workdir / "logs" / "pictures"
    return ReconstructionPictures(shown, logs, config.picture_every)


def _arguments(argv):
    parser = program_parser(
        "Pre-trains a masked autoencoder on images. Run again with the same command, "
        "an interrupted run goes on from its last epoch.",
        [
            "python -m training.pretrain --recipe demo --data demo --workdir runs/demo",
            "python -m training.pretrain --recipe demo --data demo --set system=simmim "
            "--workdir runs/simmim",
            "python -m training.pretrain --recipe photos_vit_small --data folder:DIR "
            "--workdir runs/photos --set epochs=100 batch_size=32",
            "tensorboard --logdir runs",
        ],
        PretrainConfig(),
    )
    add_run_arguments(parser, PretrainConfig)
    return parser.parse_args(argv)


def main(argv=None):
    """Runs the program; returns its results."""
    arguments = _arguments(argv)
    with one_line_errors(), telling_of_lost_workers():
        results = pretrain(
            chosen_config(arguments, PretrainConfig),
            arguments.data,
            arguments.workdir or f"runs/{arguments.recipe}",
            arguments.data_dir,
            arguments.strategy,
            arguments.replicas,
        )
    if results["model"]:  # of several workers one tells
        print(json.dumps(results))
    return results


if __name__ == "__main__":
    main()
