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
            draw(figure, rows)
            paths.append(workdir / f"{part}.png")
            figure.savefig(paths[-1], dpi=130)
    return paths


def _bars(figure, rows, panels):
    """Draws one panel of horizontal bars for each figure, one bar a row.

    Args:
        panels: Pairs of a figure's name and a title.
    """
    panels = [(name, title) for name, title in panels if _with(rows, name)]
    figure.set_size_inches(WIDTH, 1.3 + 0.32 * len(rows))
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    names = [_name(row) for row in rows]
    for axis, (name, title) in zip(axes, panels, strict=True):
        means = [_mean(row, name) for row in rows]
        axis.barh(names, means, xerr=[_std(row, name) for row in rows], height=0.6)
        axis.set_title(title, fontsize=9)
        axis.tick_params(labelsize=8)
        axis.grid(axis="x", alpha=0.3)
    axes[0].invert_yaxis()  # the first row on top


def _representation(figure, rows):
    names = list(dict.fromkeys(name for row in rows for name in row.figures))
    chosen = [n for n in names if "accuracy" in n and "train" not in n]
    _bars(
        figure,
        rows,
        [(n, n.replace("_accuracy", "\naccuracy").replace("_", " ")) for n in chosen],
    )


def _compute(figure, rows):
    panels = {
        "gflop_per_image": "GFLOP an image",
        "step_seconds": "seconds a step",
        "peak_memory_gb": "peak memory, GB",
    }
    _bars(figure, rows, panels.items())


def _gradients(figure, rows):
    panels = {
        "mask_to_mean": "tr cov over masks\n/ |mean|²",
        "image_to_mean": "tr cov over images\n/ |mean|²",
        "mask_share": "masks' share\nof both",
        "cosine_of_draws": "cosine of\ntwo draws",
    }
    _bars(figure, rows, panels.items())


def _occlusion(figure, rows):
    figure.set_size_inches(WIDTH, 3.6)
    axis = figure.subplots()
    for row in rows:
        shares = row.figures["histogram"].mean
        reached = [row.figures["totally_hidden"].mean, *np.cumsum(shares)]
        axis.plot(np.linspace(0, 1, len(reached)), reached, label=_name(row))
    axis.set_xlabel("share of the object that is visible")
    axis.set_ylabel("share of masks with no more")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)


def _distance(figure, rows):
    figure.set_size_inches(WIDTH, 3.6)
    axis = figure.subplots()
    for row in rows:
        name = "relative_error_at_"
        places = sorted(
            int(n.split("_")[-1]) for n in row.figures if n.startswith(name)
        )
        means = np.array([_mean(row, f"{name}{k}") for k in places])
        spread = np.array([_std(row, f"{name}{k}") for k in places])
        (line,) = axis.plot(places, means, "o-", markersize=3, label=_name(row))
        low, high = means - spread, means + spread
        axis.fill_between(places, low, high, alpha=0.2, color=line.get_color())
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel("distance to the nearest visible patch, in patches")
    axis.set_ylabel("squared error / targets' mean square")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)


def _name(row):
    labels = [str(value) for name, value in row.labels.items() if name != "part"]
    return " ".join(labels)


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
