"""Where the time of a training step goes: TensorFlow's own profile, by kind.

On one core, and so in one stream: operations follow one another, and times add up.
"""

import dataclasses
import tempfile
from pathlib import Path

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from . import models
from .ceiling import Ceiling
from .processes import Contestant, Worker, say
from .steps import WARM_UP

# What the names of a kind's operations contain; the first that fits.
KINDS = {
    "products of attention": "BatchMatMul",
    "dense products": "MatMul",
    "compiled chains": "ExecuteAsyncOnStream",
    "softmax": "Softmax",
    "transposes": "Transpose",
    "update of weights": "ResourceApply",
}
REST = "everything else"


def profile_training(config, steps):
    """Profiles training steps in a process of its own, on one core.

    Args:
        config: A `PretrainConfig` or `FinetuneConfig`.
        steps: Integer, how many steps are profiled.

    Returns:
        Dictionary with `seconds` of a step, `gflop` of its arithmetic or `None`,
        `ceiling` in FLOP/s, and `kinds`: for each its `seconds` and `operations` of a
        step.

    Raises:
        InputError: The configuration cannot be used.
        RunError: The process died.
    """
    request = {"task": config.PROGRAM, "config": dataclasses.asdict(config)}
    function = f"{__name__}:profiled"
    with Worker(Contestant("keras_mae", function, request, cores=1)) as worker:
        say("profiling")
        gflop = worker.description["gflop_per_image"]
        return {
            "task": config.PROGRAM,
            "batch_size": config.batch_size,
            "gflop": gflop and gflop * config.batch_size,
            **worker.ask(steps=steps),
        }


def profiled(task, config):
    """Returns a contestant whose answers are its profile; see `worker.py`."""
    description, measure = getattr(models, task)(config)
    measure(WARM_UP)
    ceiling = Ceiling(config["precision"].removeprefix("mixed_"))

    def answer(steps):
        with tempfile.TemporaryDirectory() as folder:
            with tf.profiler.experimental.Profile(folder):
                seconds = sum(measure(steps)["seconds"]) / steps
            kinds = _kinds(folder, steps)
        rest = seconds - sum(kind["seconds"] for kind in kinds.values())
        kinds[REST] = {"seconds": rest, "operations": None}
        return {"seconds": seconds, "ceiling": ceiling.measure(), "kinds": kinds}

    return description, answer


def profile_table(results):
    """Returns a profile in Markdown.

    Args:
        results: Dictionary, of `profile_training`.
    """
    step = results["seconds"]
    lines = [f"| 1 core, batch {results['batch_size']} | ms a step | share | number |"]
    lines.append("| --- | --- | --- | --- |")
    for name, kind in results["kinds"].items():
        number = "" if kind["operations"] is None else f"{kind['operations']:.0f}"
        lines.append(_line(name, kind["seconds"], step, number))
    lines.append(_line("the step", step, step))
    if results["gflop"]:
        least = 1e9 * results["gflop"] / results["ceiling"]
        lines.append(_line("its arithmetic at the ceiling", least, step))
    return "\n".join(lines) + "\n"


def _line(name, seconds, step, number=""):
    return f"| {name} | {1e3 * seconds:.0f} | {100 * seconds / step:.1f} % | {number} |"


def _kinds(folder, steps):
    """Returns seconds and number of operations of a step, by kind."""
    kinds = {name: {"seconds": 0.0, "operations": 0.0} for name in KINDS}
    for operation, seconds in _operations(folder):
        for name, part in KINDS.items():
            if part in operation:
                kinds[name]["seconds"] += seconds / steps
                kinds[name]["operations"] += 1 / steps
                break
    return kinds


def _operations(folder):
    """Yields the type and the seconds of every operation of a profile."""
    (file,) = Path(folder).rglob("*.xplane.pb")
    space = xplane_pb2.XSpace.FromString(file.read_bytes())
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                yield name.rpartition(":")[2], event.duration_ps / 1e12
