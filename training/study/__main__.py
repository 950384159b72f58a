"""Compares what masking teaches and costs: `python -m training.study --help`."""

import dataclasses
import json

from keras_mae.program import RunError, one_line_errors

from ..command_line import (
    add_data_arguments,
    add_set_argument,
    chosen_config,
    program_parser,
)
from ..recipes import list_recipes
from ..study_config import StudyConfig
from ..workdir import write_atomically
from .cells import cells_of
from .checks import check_study
from .experiment import open_experiment
from .plots import save_plots
from .runner import Runner
from .summary import summarise
from .table import markdown

JSON, TABLE = "study.json", "study.md"


def study(config, data, workdir, data_dir=None, tiny=False):
    """Measures all cells that are not finished; writes JSON, tables and plots.

    Args:
        config: A `StudyConfig`.
        data, data_dir: Data spec with labels, see `training.data.load_source`.
        workdir: Path of the study.
        tiny: Boolean. Whether models and batches are shrunk.

    Returns:
        The results as a dictionary, which `study.json` holds too.

    Raises:
        InputError: Settings, data or folder that cannot be used.
    """
    check_study(config)
    experiment = open_experiment(config, data, workdir, data_dir, tiny)
    cells = cells_of(config, experiment.pretrain.mask_ratio)
    outcomes = Runner(experiment).run(cells)
    summaries = summarise(outcomes)
    results = {
        "program": "study",
        "data": data,
        "cells": len(outcomes),
        "failed": sum(outcome.error is not None for outcome in outcomes),
        "summary": [dataclasses.asdict(summary) for summary in summaries],
    }
    return {**results, **_write(results, summaries, experiment)}


def _write(results, summaries, experiment):
    """Writes what a study results in; returns the paths."""
    workdir, config = experiment.workdir, experiment.config
    budget = (
        f"{config.steps} steps" if config.minutes is None else f"{config.minutes} min"
    )
    notes = [
        f"Data {experiment.data}; budget {budget} of {experiment.pretrain.batch_size} "
        f"images, {config.finetune_steps} steps of fine-tuning. Mean ± standard "
        "deviation over seeds."
    ]
    write_atomically(workdir / TABLE, markdown(summaries, notes))
    write_atomically(workdir / JSON, json.dumps(results, indent=2) + "\n")
    plots = save_plots(summaries, workdir)
    return {"table": str(workdir / TABLE), "plots": [str(path) for path in plots]}


def _arguments(argv):
    parser = program_parser(
        "Trains several systems by one budget and compares what they cost (compute), "
        "what their features are worth (representation), how much the gradient varies "
        "with masks and with images (gradients), how much of an object masks leave "
        "visible (occlusion), and how far from visible patches they predict "
        "(distance). Every cell, one of these for one system, mask sampler, ratio and "
        "seed, is saved when it is finished: run again with the same command, a study "
        "goes on where it was interrupted, and more cells may be added to its folder. "
        "Writes study.json, study.md and a PNG for each part.",
        [
            "python -m training.study --recipe study_demo --data demo --tiny "
            "--workdir runs/study_tiny",
            "python -m training.study --recipe study_cifar10 --data tfds:cifar10 "
            "--data_dir DIR --workdir runs/study_cifar10",
            "python -m training.study --recipe study_cifar10 --data tfds:cifar10 "
            "--data_dir DIR --workdir runs/study_cifar10 "
            "--set systems=mask_token,simmim,bert,context_encoder samplers=random",
            "python -m training.study --recipe study_demo --data demo --workdir "
            "runs/cost --set parts=compute systems=mask_token,mae seeds=0 "
            "presets=mae_vit_large_patch16 ratios=0.75 compute_batch_size=8",
        ],
        StudyConfig(),
    )
    recipes = ", ".join(list_recipes(StudyConfig))
    parser.add_argument("--recipe", required=True, help=f"one of: {recipes}")
    add_data_arguments(parser)
    parser.add_argument("--workdir", help="folder of the study (default: runs/RECIPE)")
    add_set_argument(parser)
    parser.add_argument(
        "--tiny", action="store_true", help="shrink everything: ends within a minute"
    )
    for kind in ("pretrain", "finetune"):
        parser.add_argument(
            f"--{kind}",
            action="extend",
            nargs="+",
            default=[],
            metavar="KEY=VALUE",
            help=f"changes to {kind}_recipe, as --set of training.{kind}",
        )
    return parser.parse_args(argv)


def main(argv=None):
    """Runs the program; returns its results."""
    arguments = _arguments(argv)
    with one_line_errors():
        config = chosen_config(arguments, StudyConfig)
        config = dataclasses.replace(
            config,
            pretrain_settings=(*config.pretrain_settings, *arguments.pretrain),
            finetune_settings=(*config.finetune_settings, *arguments.finetune),
        )
        results = study(
            config,
            arguments.data,
            arguments.workdir or f"runs/{arguments.recipe}",
            arguments.data_dir,
            arguments.tiny,
        )
        print(json.dumps(results))
        if results["failed"]:
            raise RunError(
                f"{results['failed']} of {results['cells']} cells failed, see "
                f"{results['table']}; run the same command again to retry them"
            )
    return results


if __name__ == "__main__":
    main()
