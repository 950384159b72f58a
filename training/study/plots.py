"""The plots of a study, one PNG a part: mean over seeds and one standard deviation."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

WIDTH = 7.0


def save_plots(summaries, workdir):
    """Writes a PNG for every part that has figures; returns the paths.

    Args:
        summaries: List of `Summary`.
        workdir: `Path`.
    """
    paths = []
    for part, draw in PLOTS.items():
        rows = [s for s in summaries if s.labels["part"] == part and s.figures]
        if rows:
            figure = Figure(layout="constrained")
            names, shared = tell_apart([row.labels for row in rows])
            draw(figure, rows, names)
            figure.suptitle(shared, fontsize=9)
            paths.append(workdir / f"{part}.png")
            figure.savefig(paths[-1], dpi=130)
    return paths


def tell_apart(rows):
    """Returns a name for each row, and what the rows have in common.

    What is the same wherever it is told is left out of the names, unless rows would
    lose their only name by that.

    Args:
        rows: List of dictionaries of labels, `part` among them.

    Returns:
        List of strings, and a string.
    """
    rows = [{n: v for n, v in row.items() if n != "part"} for row in rows]
    values = {n: {row[n] for row in rows if n in row} for row in rows for n in row}
    shared = {n: v for n, (v, *others) in values.items() if not others}
    names = [_joined(v for n, v in row.items() if n not in shared) for row in rows]
    if len(set(names) - {""}) < len(rows):
        return [_joined(row.values()) for row in rows], ""
    return names, ", ".join(f"{n} {v}" for n, v in shared.items())


def _joined(values):
    return " ".join(map(str, values))


def _bars(figure, rows, names, panels):
    """Draws one panel of horizontal bars for each figure, one bar a row.

    Args:
        panels: Pairs of a figure's name and a title.
    """
    panels = [(name, title) for name, title in panels if _with(rows, name)]
    figure.set_size_inches(WIDTH, 1.3 + 0.32 * len(rows))
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, (name, title) in zip(axes, panels, strict=True):
        means = [_mean(row, name) for row in rows]
        spread = [_std(row, name) for row in rows]
        axis.barh(names, means, xerr=spread, height=0.6)
        for place, mean, std in zip(names, means, spread, strict=True):
            if not np.isnan(mean):
                _write(axis, f"{mean:.3g}", max(mean, 0) + std, place)
        left, right = axis.get_xlim()
        axis.set_xlim(left, right + 0.1 * len(panels) * (right - left))  # for numbers
        axis.set_title(title, fontsize=9)
        axis.tick_params(labelsize=8)
        axis.grid(axis="x", alpha=0.3)
    axes[0].invert_yaxis()  # the first row on top


def _write(axis, text, x, y):
    """Writes beside the end of a bar."""
    style = {"va": "center", "fontsize": 7}
    axis.annotate(text, (x, y), (2, 0), textcoords="offset points", **style)


def _representation(figure, rows, names):
    figures = dict.fromkeys(name for row in rows for name in row.figures)
    chosen = [n for n in figures if "accuracy" in n and "train" not in n]
    titles = [n.replace("_accuracy", "").replace("_", " ") for n in chosen]
    panels = [(n, f"{t}\naccuracy") for n, t in zip(chosen, titles, strict=True)]
    _bars(figure, rows, names, panels)


def _compute(figure, rows, names):
    panels = {
        "gflop_per_image": "GFLOP an image",
        "step_seconds": "seconds a step",
        "peak_memory_gb": "peak memory, GB",
    }
    _bars(figure, rows, names, panels.items())


def _gradients(figure, rows, names):
    # Not over |mean|², which is close to 0 after training: the table has these ratios.
    panels = {
        "mask_variance": "over masks:\ntr cov",
        "image_variance": "over images:\ntr cov",
        "mask_share": "masks' share\nof both",
        "cosine_of_draws": "cosine of\ntwo draws",
    }
    _bars(figure, rows, names, panels.items())


def _occlusion(figure, rows, names):
    figure.set_size_inches(WIDTH, 3.6)
    axis = figure.subplots()
    for row, name in zip(rows, names, strict=True):
        shares = row.figures["histogram"].mean
        reached = [row.figures["totally_hidden"].mean, *np.cumsum(shares)]
        axis.plot(np.linspace(0, 1, len(reached)), reached, label=name)
    axis.set_xlabel("share of the object that is visible")
    axis.set_ylabel("share of masks with no more")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)


def _distance(figure, rows, names):
    figure.set_size_inches(WIDTH, 3.6)
    axis = figure.subplots()
    start = "relative_error_at_"
    for row, label in zip(rows, names, strict=True):
        places = sorted(
            int(name.split("_")[-1])
            for name, spread in row.figures.items()
            if name.startswith(start) and spread.count == len(row.seeds)  # not chance
        )
        means = np.array([_mean(row, f"{start}{k}") for k in places])
        spread = np.array([_std(row, f"{start}{k}") for k in places])
        (line,) = axis.plot(places, means, "o-", markersize=3, label=label)
        low, high = means - spread, means + spread
        axis.fill_between(places, low, high, alpha=0.2, color=line.get_color())
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel("distance to the nearest visible patch, in patches")
    axis.set_ylabel("squared error / targets' mean square")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)


def _with(rows, name):
    return any(name in row.figures for row in rows)


def _mean(row, name):
    return row.figures[name].mean if name in row.figures else np.nan


def _std(row, name):
    return (row.figures[name].std or 0.0) if name in row.figures else 0.0


PLOTS = {
    "compute": _compute,
    "representation": _representation,
    "gradients": _gradients,
    "occlusion": _occlusion,
    "distance": _distance,
}
