"""Part `compute`: what a training step costs, each measured in a fresh process."""

import dataclasses
import json
import os
import subprocess
import sys

from keras_mae.program import RunError


def compute_figures(experiment, cell):
    """Returns what `measure.py` says of a system's training step.

    Args:
        experiment: An `Experiment`.
        cell: A `Cell`.

    Raises:
        RunError: The process failed, or was killed, as where memory does not suffice.
    """
    shared, batch_size = experiment.config, experiment.config.compute_batch_size
    if cell.system == "scratch":
        config = experiment.classifier_config(cell, from_scratch=True)
    else:
        config = experiment.pretrain_config(cell)
    if cell.preset is not None:
        config = _as_named(config)
    config = dataclasses.replace(config, batch_size=batch_size)
    request = {
        "kind": type(config).PROGRAM,
        "config": dataclasses.asdict(config),
        "steps": shared.compute_steps,
    }
    return _in_new_process(request)


def _as_named(config):
    """Returns the configuration without changes to its preset's architecture."""
    names = ("image_size", "patch_size", "num_channels", "embed_dim", "depth")
    names += ("num_heads", "decoder_embed_dim", "decoder_depth", "decoder_num_heads")
    names += ("mean", "std")
    changes = [name for name in names if hasattr(config, name)]
    return dataclasses.replace(config, **dict.fromkeys(changes))


def _in_new_process(request):
    package = __package__  # another one where the project is installed
    result = subprocess.run(
        [sys.executable, "-m", f"{package}.measure", json.dumps(request)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    if result.returncode:
        lines = result.stderr.strip().splitlines()[-1:] or ["no message"]
        killed = " (killed: too little memory?)" if result.returncode == -9 else ""
        raise RunError(f"status {result.returncode}{killed}: {lines[0][:200]}")
    return json.loads(result.stdout.splitlines()[-1])
