"""What the plots of a study show."""

from matplotlib.figure import Figure

from training.study.plots import PLOTS, tell_apart
from training.study.summary import Spread, Summary

PIXELS = {"part": "representation", "system": "pixels"}
MAE = {**PIXELS, "system": "mae", "sampler": "random", "ratio": 0.6}


def test_names_tell_rows_apart_and_what_they_share_stands_once():
    names, shared = tell_apart([PIXELS, MAE])
    assert names == ["pixels", "mae"]
    assert shared == "sampler random, ratio 0.6"
    names, shared = tell_apart([MAE, {**MAE, "ratio": 0.75}])
    assert names == ["0.6", "0.75"]
    assert shared == "system mae, sampler random"


def test_a_row_keeps_its_only_name():
    assert tell_apart([MAE]) == (["mae random 0.6"], "")
    untold = {"part": "compute", "system": "mae"}
    names, shared = tell_apart([untold, {**untold, "ratio": 0.6}])
    assert (names, shared) == (["mae", "mae 0.6"], "")


def test_bars_carry_their_numbers():
    figure = Figure()
    accuracies = {"pixels": {"knn_accuracy_k20": 0.5}, "mae": {}}
    rows = [
        Summary({}, {n: Spread(v, None, 1) for n, v in found.items()}, [0], {})
        for found in accuracies.values()
    ]
    PLOTS["representation"](figure, rows, list(accuracies))
    (axis,) = figure.axes
    assert axis.get_title() == "knn k20\naccuracy"
    assert [text.get_text() for text in axis.texts] == ["0.5"]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["pixels", "mae"]


def test_distances_that_one_seed_alone_has_are_left_out():
    figure = Figure()
    spreads = {1: Spread(0.7, 0.1, 2), 2: Spread(0.8, 0.1, 2), 5: Spread(0.2, None, 1)}
    found = {f"relative_error_at_{k}": spread for k, spread in spreads.items()}
    PLOTS["distance"](figure, [Summary({}, found, [0, 1], {})], ["mae"])
    (line,) = figure.axes[0].lines
    assert line.get_xdata().tolist() == [1, 2]
    assert line.get_ydata().tolist() == [0.7, 0.8]
