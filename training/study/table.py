"""The tables of a study, in Markdown."""

TITLES = {
    "compute": "Compute: one training step",
    "training": "Training",
    "representation": "Representation: accuracy on the held-out split",
    "gradients": "Gradients: variance over masks and over images",
    "occlusion": "Occlusion: share of an object that a mask leaves visible",
    "distance": "Distance: error of a hidden patch by its distance to a visible one",
}
# Figures of the JSON that would make tables too wide.
DETAILS = ("train_accuracy", "patches_at_", "mean_square", "batch_square")
LABELS = ("preset", "system", "sampler", "ratio", "state")


def markdown(summaries, notes):
    """Returns the tables of all parts: mean ± standard deviation over seeds.

    Args:
        summaries: List of `Summary`.
        notes: Lines that come first.
    """
    lines = ["# Study", "", *notes, ""]
    for part, title in TITLES.items():
        rows = [summary for summary in summaries if summary.labels["part"] == part]
        if rows:
            lines += [f"## {title}", "", *_table(rows), "", *_errors(rows)]
    return "\n".join(lines).rstrip() + "\n"


def _table(rows):
    labels = [name for name in LABELS if any(name in row.labels for row in rows)]
    figures = list(dict.fromkeys(name for row in rows for name in _numbers(row)))
    head = [*labels, "seeds", *(name.replace("_", " ") for name in figures)]
    lines = [_line(head), _line(["---"] * len(head))]
    for row in rows:
        cells = [str(row.labels.get(name, "")) for name in labels]
        cells.append(_count(row))
        cells += [_text(row.figures.get(name), len(row.seeds)) for name in figures]
        lines.append(_line(cells))
    return lines


def _numbers(row):
    """Returns the names of a row's figures that have a column."""
    return [
        name
        for name, figure in row.figures.items()
        if not isinstance(figure.mean, list)
        and not name.startswith("error_at_")
        and not any(detail in name for detail in DETAILS)
    ]


def _count(row):
    failed = f", {len(row.errors)} failed" if row.errors else ""
    return f"{len(row.seeds)}{failed}"


def _text(spread, seeds):
    if spread is None:
        return ""
    text = f"{spread.mean:.4g}"
    if spread.std is not None:
        text += f" ± {spread.std:.2g}"
    # Of some seeds the figure could not be told.
    return text if spread.count == seeds else f"{text} (of {spread.count})"


def _errors(rows):
    lines = []
    for row in rows:
        what = " ".join(str(v) for n, v in row.labels.items() if n != "part")
        for seed, error in row.errors.items():
            lines.append(f"- failed: {what}, seed {seed}: {error}")
    return [*lines, ""] if lines else []


def _line(cells):
    return "| " + " | ".join(cells) + " |"
