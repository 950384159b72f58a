"""Times training steps beside the ceiling and peers, interleaved."""

import contextlib
import dataclasses

from .peers import MODELS, check_peers, training_peers
from .processes import Contestant, Worker, in_turn
from .steps import WARM_UP
from .summary import Work, summarise

OURS = "keras_mae"


def time_training(config, threads, rounds, steps, peers=(), pythons=None):
    """Measures a training step, its peers' and the ceiling, each in its own process.

    Args:
        config: A `PretrainConfig` or `FinetuneConfig`.
        threads: Integers, for each of which all are measured.
        rounds: Integer, rounds that count; in each, every contestant has its turn.
        steps: Integer, steps of a turn, whose median counts.
        peers: Names, see `PEERS`.
        pythons: Dictionary of other interpreters, by library of Hugging Face.

    Returns:
        What is measured, a dictionary: `task`, `settings`, `device` and `results`, for
        each number of threads what `summarise` returns.

    Raises:
        InputError: The configuration, or a peer, cannot be used.
        RunError: A process died.
    """
    task = config.PROGRAM
    check_peers(task, peers, config)
    options = {"rounds": rounds, "steps": steps, "peers": peers, "pythons": pythons}
    results = []
    for number in threads:
        found, description = _measured(task, config, number, **options)
        part = {
            "threads": number,
            "batch_size": config.batch_size,
            "streams": description["streams"],
        }
        results.append({**part, "contestants": found})
    return {
        "task": task,
        "reference": OURS,
        "settings": _settings(config, description),
        "device": description["device"],
        "results": results,
    }


def ceiling_contestant(precision, cores):
    """Returns the `Contestant` of large matrix products in a precision's dtype."""
    dtype = precision.removeprefix("mixed_")
    function = f"{__package__}.ceiling:ceiling"
    return Contestant(f"ceiling, {dtype}", function, {"dtype": dtype}, cores)


def _measured(task, config, threads, rounds, steps, peers, pythons):
    request = {"config": dataclasses.asdict(config)}
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(
            Worker(Contestant(OURS, f"{MODELS}:{task}", request, threads))
        )
        others = training_peers(
            task,
            peers,
            ours.description["sizes"],
            request["config"],
            threads,
            pythons,
        )
        others.append(ceiling_contestant(config.precision, threads))
        workers = [ours, *(stack.enter_context(Worker(other)) for other in others)]
        (answers,) = in_turn(workers, [{"steps": steps}], rounds, {"steps": WARM_UP})
        works = [_work(worker, ours, config) for worker in workers[:-1]]
        return summarise(workers, answers, works), ours.description


def _work(worker, ours, config):
    """Returns a step's `Work`: peers that do not tell theirs do the same as ours."""
    gflop = worker.description.get(
        "gflop_per_image", ours.description["gflop_per_image"]
    )
    return Work(config.batch_size, gflop and 1e9 * gflop)


def _settings(config, description):
    names = ("preset", "system", "precision", "compute", "remat")
    told = {name: getattr(config, name) for name in names if hasattr(config, name)}
    gflop = description["gflop_per_image"]
    return {
        **told,
        **{name: value for name, value in description["sizes"].items() if value},
        **({"gflop_per_image": round(gflop, 3)} if gflop else {}),
    }
