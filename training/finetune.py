"""Fine-tunes a pre-trained encoder: `python -m training.finetune --help`."""

import functools
import json

import keras

from keras_mae.optimizers import AdamW, adamw_arguments, finetuning_rules
from keras_mae.program import checking_input, one_line_errors

from .checkpoint import restore
from .classifier import ARCHITECTURE, build_classifier, in_single_precision
from .command_line import add_run_arguments, chosen_config, program_parser
from .compute import choose_streams, set_compute
from .data import num_images, steps_per_epoch
from .distribution import pick_strategy, strategy_scope
from .evaluation import loss_and_metrics, padded_batches
from .features import load_splits
from .finetune_config import FinetuneConfig
from .finetune_data import finetuning_dataset
from .fitting import fit
from .hosts import (
    agreed_checkpoint,
    host_of,
    of_all_hosts,
    share_of_replicas,
    telling_of_lost_workers,
)
from .input_watch import UnreadableImages
from .partial import train_last_blocks
from .rule_audit import audit_rules
from .schedules import warmup_cosine
from .settings import check_execution, check_settings
from .workdir import open_workdir, save_model


def compile_classifier(model, config, steps, streams=1):
    """Compiles with AdamW, layer by layer, and the schedule; returns the rules."""
    schedule = warmup_cosine(
        config.base_learning_rate * config.batch_size / 256,
        config.epochs,
        config.warmup_epochs,
        steps,
        config.min_learning_rate,
    )
    rules = finetuning_rules(model, config.weight_decay, config.layer_decay)
    optimizer = AdamW(
        schedule,
        config.weight_decay,
        beta_2=config.beta_2,
        global_clipnorm=config.clip_norm,
        **adamw_arguments(model, rules),
        **({"use_ema": True, "ema_momentum": config.ema} if config.ema else {}),
    )
    set_compute(model, config, streams)
    model.compile(
        optimizer,
        **loss_and_metrics(model.num_classes),
        steps_per_execution=config.steps_per_execution,
    )
    return rules


def finetune(
    config, data, workdir, model=None, data_dir=None, strategy="one", replicas=None
):
    """Trains, or resumes, and judges on the held-out split; returns the results.

    Args:
        config: A `FinetuneConfig`.
        data: Data spec with labels, see `training.data.load_source`.
        workdir: Path of the run.
        model: Path of a pre-trained model, anything that `keras_mae.load` reads;
            `None` to train from scratch.
        data_dir: Where prepared TFDS data sets lie.
        strategy, replicas: See `pick_strategy` and `strategy_scope`.

    Raises:
        InputError: Settings, model, data or folder that cannot be used.
    """
    strategy = pick_strategy(strategy, config.compute, replicas)
    check_settings(config, strategy, counts=["evaluate_every", "max_test_images"])
    streams = choose_streams(config, strategy)
    scope = strategy_scope(
        strategy, config.batch_size, replicas, config.accumulation_steps
    )
    source, held_out = load_splits(data, data_dir)
    steps = config.steps_per_epoch or steps_per_epoch(source, config.batch_size)
    check_execution(config, steps)
    keras.utils.set_random_seed(config.seed)
    with scope:
        with checking_input():
            classifier = build_classifier(config, source.num_classes, model)
            train_last_blocks(classifier, config.trainable_blocks)
            rules = compile_classifier(classifier, config, steps, streams)
        distribution = classifier.distribute_strategy
        host = host_of(distribution)
        saved = agreed_checkpoint(distribution, workdir)
        # All that can be wrong with the settings has shown once the data is set up.
        batches, tests = _datasets(source, held_out, classifier, config, steps)
        batches(saved.epoch)
        reads = {"data": data, "examples": source.num_found, "model": model}
        workdir = open_workdir(host.folder(workdir), config, **reads)
        audit_rules(classifier, rules, workdir)
        restore(classifier, saved)
    callbacks = [keras.callbacks.SwapEMAWeights()] if config.ema else []
    history = fit(
        classifier,
        batches,
        config,
        workdir,
        steps,
        saved,
        [*callbacks, UnreadableImages(source, workdir)],
        validation_data=tests["x"],
        validation_steps=tests["steps"],
        validation_freq=config.evaluate_every,
    )
    with distribution.scope():  # the first one cannot be used again
        results = _judge(classifier, source.class_names, tests, workdir)
    return {
        "program": "finetune",
        "epochs": config.epochs,
        "steps": config.epochs * steps,
        "images": source.num_examples,
        "skipped_images": int(of_all_hosts(distribution, len(source.skipped)).sum()),
        "test_images": num_images(held_out, config.max_test_images),
        **history,
        **results,
    }


def _datasets(source, held_out, classifier, config, steps):
    """Returns the function that makes batches, and what `evaluate` takes to test."""
    strategy, preprocessing = classifier.distribute_strategy, classifier.preprocessing
    hosts = dict(zip(("host", "num_hosts"), host_of(strategy), strict=True))
    batches = functools.partial(
        finetuning_dataset, source, preprocessing, config, steps, **hosts
    )
    size = config.batch_size // config.accumulation_steps
    most = config.max_test_images
    tests = padded_batches(
        held_out,
        preprocessing,
        size,
        most,
        num_classes=source.num_classes,
        **hosts,
    )
    shares = share_of_replicas(strategy, tests, size)
    return batches, {"x": shares, "steps": len(tests)}


def _judge(classifier, class_names, tests, workdir):
    """Saves the model that the run ends with, and judges just that."""
    # With a moving average, that is the model; after `fit` it is already.
    classifier.optimizer.finalize_variable_values(classifier.trainable_variables)
    copy = in_single_precision(classifier, class_names)
    path = None
    if host_of(classifier.distribute_strategy).is_chief:
        path = str(save_model(copy, workdir))  # not compiled yet: without optimizer
    copy.compile(**loss_and_metrics(copy.num_classes))
    judged = copy.evaluate(**tests, verbose=0, return_dict=True)
    results = {f"test_{name}": round(value, 6) for name, value in judged.items()}
    return {"model": path, **results}


def _arguments(argv):
    parser = program_parser(
        "Fine-tunes a pre-trained encoder to classify images, or trains a classifier "
        "from scratch. Run again with the same command, an interrupted run goes on "
        "from its last epoch.",
        [
            "python -m training.finetune --recipe finetune_demo --data demo "
            "--model runs/demo/model.keras --workdir runs/finetuned",
            "python -m training.finetune --recipe finetune_vit_base_in1k "
            "--data folder:DIR --model mae_pretrain_vit_base.pth",
            "python -m training.finetune --recipe finetune_demo --data demo "
            "--workdir runs/scratch --set layer_decay=1",
        ],
        FinetuneConfig(),
    )
    add_run_arguments(parser, FinetuneConfig)
    parser.add_argument(
        "--model",
        metavar="FILE",
        help="pre-trained model: .keras, .pth, .safetensors, a Hugging Face folder; "
        "without one, training starts from scratch",
    )
    return parser.parse_args(argv)


def main(argv=None):
    """Runs the program; returns its results."""
    arguments = _arguments(argv)
    with one_line_errors(), telling_of_lost_workers():
        # With a model, its file tells the architecture, and not the recipe.
        of_file = ("preset", *ARCHITECTURE) if arguments.model else ()
        results = finetune(
            chosen_config(arguments, FinetuneConfig, **dict.fromkeys(of_file)),
            arguments.data,
            arguments.workdir or f"runs/{arguments.recipe}",
            arguments.model,
            arguments.data_dir,
            arguments.strategy,
            arguments.replicas,
        )
    if results["model"]:  # of several workers one tells
        print(json.dumps(results))
    return results


if __name__ == "__main__":
    main()
