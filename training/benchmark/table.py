"""The tables of a benchmark: `python -m training.benchmark.table FILE.json ...`."""

import json
import sys
from pathlib import Path

TASKS = {
    "pretrain": "Pre-training step",
    "finetune": "Fine-tuning step",
    "inference": "Features",
}


def markdown(results):
    """Returns what was measured, as the program prints it.

    Args:
        results: Dictionary, of `benchmark` or from its JSON.
    """
    machine = results["machine"]
    lines = [
        f"`{results['command']}`",
        "",
        f"{TASKS[results['task']]} of {_settings(results['settings'])}. "
        f"{machine['device']}; {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gb']} GB, load {machine['load']} before. Median of "
        f"{results['rounds']} rounds of {results['steps']}, in brackets the slowest "
        "and the fastest; ratios and shares are of the same round.",
    ]
    for part in results["results"]:
        lines += ["", *_table(part, results["reference"])]
    return "\n".join(lines) + "\n"


def _settings(settings):
    return ", ".join(f"{n.replace('_', ' ')} {_plain(v)}" for n, v in settings.items())


def _plain(value):
    if isinstance(value, (list, tuple)):
        return " x ".join(map(str, value))
    return str(value)


def _table(part, reference):
    """Returns the lines of the table of one number of threads and one batch size."""
    threads, size = part["threads"], part["batch_size"]
    head = f"{threads} thread{'s' * (threads > 1)}, batch {size}"
    if part.get("streams", 1) > 1:
        head += f" in {part['streams']} streams"
    speed = f"`{reference}` is faster"
    columns = (head, "versions", "images/s", "ms", speed, "of ceiling", "memory")
    lines = [_line(columns), _line(["---"] * len(columns))]
    for row in part["contestants"]:
        gigaflops = row.get("gflops_per_second")
        rate = f"{_figure(gigaflops)} GFLOP/s" if gigaflops else ""
        lines.append(
            _line(
                [
                    row["name"],
                    ", ".join(f"{n} {v}" for n, v in row["versions"].items()),
                    rate or _figure(row["images_per_second"]),
                    _figure(row.get("milliseconds")),
                    _figure(row.get("ratio"), "×"),
                    _figure(row.get("share_of_ceiling"), " %", 100),
                    f"{row['peak_memory_gb']} GB",
                ]
            )
        )
    return lines


def _figure(spread, unit="", scale=1):
    """Returns the median and, in brackets, the lowest and the highest."""
    if spread is None:
        return ""
    median, low, high = (
        _digits(scale * spread[name]) for name in ("median", "lowest", "highest")
    )
    return f"**{median}**{unit} ({low} to {high})"


def _digits(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _line(cells):
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    for file in sys.argv[1:]:
        print(markdown(json.loads(Path(file).read_text())))
