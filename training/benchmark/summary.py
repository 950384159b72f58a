"""What the answers of contestants say: medians over rounds, with their spread."""

import statistics
from typing import NamedTuple


class Work(NamedTuple):
    """What a contestant does in a step, or for a batch.

    Attributes:
        images: Integer.
        flops: Operations of one image, or `None` where they are not known.
    """

    images: int
    flops: float | None


def summarise(workers, rounds, works, reference=None):
    """Returns a dictionary for each contestant: figures, with their spread over rounds.

    A ratio and a share compare what belongs to the same round; `of_rounds` are the
    images per second of each.

    Args:
        workers: List of `Worker`; the last one is the ceiling.
        rounds: List of rounds, each a list of the workers' answers.
        works: List of `Work`, one for each worker but the ceiling.
        reference: Name of the contestant whose speed over each other's is the ratio;
            `None` for the first.
    """
    names = [worker.contestant.name for worker in workers]
    first = 0 if reference is None else names.index(reference)
    *columns, ceilings = zip(*rounds, strict=True)
    ceilings = [answer["flops"] for answer in ceilings]
    rates = [_rates(*pair) for pair in zip(columns, works, strict=True)]
    rows = []
    for index, (answers, work) in enumerate(zip(columns, works, strict=True)):
        figures = {
            "images_per_second": _spread(rates[index]),
            "milliseconds": _spread([1e3 * work.images / r for r in rates[index]]),
            "of_rounds": [_short(rate) for rate in rates[index]],
        }
        if index != first:
            figures["ratio"] = _spread(_ratios(rates[first], rates[index]))
        if work.flops:
            done = [work.flops * rate for rate in rates[index]]
            figures["share_of_ceiling"] = _spread(_ratios(done, ceilings))
        rows.append(_row(workers[index], answers, figures))
    figures = {"gflops_per_second": _spread([value / 1e9 for value in ceilings])}
    return [*rows, _row(workers[-1], [rounds[-1][-1]], figures)]


def _row(worker, answers, figures):
    described = worker.description
    return {
        "name": worker.contestant.name,
        "versions": described["versions"],
        **figures,
        "peak_memory_gb": round(max(a["peak_memory"] for a in answers) / 1e9, 2),
    }


def _rates(answers, work):
    """Returns images per second, one for each round: of its median step."""
    medians = [statistics.median(answer["seconds"]) for answer in answers]
    return [work.images / seconds for seconds in medians]


def _ratios(values, others):
    return [value / other for value, other in zip(values, others, strict=True)]


def _spread(values):
    """Returns the median, the lowest and the highest."""
    figures = (statistics.median(values), min(values), max(values))
    names = ("median", "lowest", "highest")
    return {n: _short(f) for n, f in zip(names, figures, strict=True)}


def _short(value):
    return float(f"{value:.4g}")
