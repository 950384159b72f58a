"""Trains the systems of a study, all by one budget, by the programs' own functions."""

import dataclasses
import json
import tempfile

from ..finetune import finetune
from ..pretrain import pretrain
from ..workdir import write_atomically

BUDGET = "budget.json"
TIMED_STEPS = 20  # to turn minutes into steps
KEPT = ("loss", "steps", "seconds", "images_per_second", "test_top1")


def train(experiment, cell):
    """Trains a system within the budget, or goes on where it was interrupted.

    From scratch, classifiers train longer by the steps for which the others are
    fine-tuned.

    Args:
        experiment: An `Experiment`.
        cell: A `Cell`.

    Returns:
        Dictionary of figures.
    """
    folder = experiment.run_folder(cell)
    if cell.system == "scratch":
        config, run = experiment.classifier_config(cell, from_scratch=True), finetune
        more = experiment.config.finetune_steps
    else:
        config, run, more = experiment.pretrain_config(cell), pretrain, 0
    steps = more + _budget(experiment, folder, config, run)
    results = run(
        of_steps(config, steps, experiment.train.num_examples),
        experiment.data,
        folder,
        data_dir=experiment.data_dir,
    )
    return {name: results[name] for name in KEPT if name in results}


def finetuned(experiment, cell, model):
    """Fine-tunes a model, or one with random weights; returns its test accuracy.

    Args:
        experiment: An `Experiment`.
        cell: A `Cell`.
        model: Path, or `None`.
    """
    config = experiment.classifier_config(cell, from_scratch=model is None)
    steps = experiment.config.finetune_steps
    results = finetune(
        of_steps(config, steps, experiment.train.num_examples),
        experiment.data,
        experiment.run_folder(cell) / "finetuned",
        model=model,
        data_dir=experiment.data_dir,
    )
    return results["test_top1"]


def of_steps(config, steps, num_images):
    """Returns a `RunConfig` of so many steps, in epochs of about one pass over data.

    Where that many epochs do not divide the steps, the remainder is left out. Warm-up
    keeps its share of the run.
    """
    epochs = max(1, round(steps * config.batch_size / num_images))
    last = "evaluate_every" if hasattr(config, "evaluate_every") else "picture_every"
    return dataclasses.replace(
        config,
        epochs=epochs,
        steps_per_epoch=steps // epochs,
        warmup_epochs=epochs * config.warmup_epochs / config.epochs,
        **{last: epochs},
    )


def _budget(experiment, folder, config, run):
    """Returns the steps of a training; those of minutes are measured once and kept."""
    minutes, path = experiment.config.minutes, folder / BUDGET
    if minutes is None:
        return experiment.config.steps
    if not path.exists():
        rate = _images_per_second(experiment, config, run)
        steps = max(1, int(60 * minutes * rate / config.batch_size))
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps({"minutes": minutes, "steps": steps}))
    return json.loads(path.read_text())["steps"]


def _images_per_second(experiment, config, run):
    """Returns the speed of a short training, thrown away, without its first step."""
    images = config.batch_size * TIMED_STEPS  # as if that were one pass
    with tempfile.TemporaryDirectory() as folder:
        short = of_steps(config, TIMED_STEPS, images)
        results = run(short, experiment.data, folder, data_dir=experiment.data_dir)
    return results["images_per_second"]
