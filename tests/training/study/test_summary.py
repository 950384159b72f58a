import pytest

from training.study.cells import Cell, Outcome
from training.study.plots import save_plots
from training.study.summary import Spread, summarise
from training.study.table import markdown


def outcomes(*figures, part="representation", system="mae"):
    return [
        Outcome(Cell(part, system, "random", 0.75, seed=seed), found)
        for seed, found in enumerate(figures)
    ]


def test_mean_and_deviation_are_over_seeds():
    (summary,) = summarise(outcomes({"a": 1.0}, {"a": 2.0}, {"a": 6.0}))
    assert summary.figures["a"] == Spread(3.0, pytest.approx(7**0.5), 3)
    assert summary.seeds == [0, 1, 2]


def test_lists_are_summarised_element_by_element():
    (summary,) = summarise(outcomes({"a": [1.0, 5.0]}, {"a": [3.0, 5.0]}))
    assert summary.figures["a"].mean == [2, 5]
    assert summary.figures["a"].std == pytest.approx([2**0.5, 0])


def test_one_seed_has_no_deviation():
    (summary,) = summarise(outcomes({"a": 1.0}))
    assert summary.figures["a"] == Spread(1.0, None, 1)
    assert "| 1 | 1 |" in markdown([summary], [])


def test_figures_that_some_seeds_do_not_have_say_so():
    (summary,) = summarise(outcomes({"a": 1.0}, {"a": None}, {"a": 3.0}))
    assert summary.figures["a"].count == 2
    assert "| 2 ± 1.4 (of 2) |" in markdown([summary], [])


def test_failed_cells_are_in_the_table_and_do_not_hide_the_others():
    failed = Outcome(
        Cell("representation", "mae", "random", 0.75, seed=1), None, "OSError: full"
    )
    text = markdown(summarise([*outcomes({"a": 0.5}), failed]), [])
    assert "| mae | random | 0.75 | 1, 1 failed | 0.5 |" in text
    assert "- failed: mae random 0.75, seed 1: OSError: full" in text


def test_cells_that_all_failed_have_a_row():
    failed = Outcome(Cell("compute", "mae", ratio=0.75), None, "RunError: status -9")
    text = markdown(summarise([failed]), [])
    assert "| mae | 0.75 | 0, 1 failed |" in text


def test_parts_have_tables_of_their_own():
    rows = outcomes({"a": 0.5}) + outcomes({"b": 2.0}, part="gradients")
    text = markdown(summarise(rows), ["Data: digits."])
    assert text.index("Data: digits.") < text.index("## Representation")
    assert text.index("## Representation") < text.index("## Gradients")


def test_parts_without_figures_have_no_plot(tmp_path):
    failed = Outcome(Cell("compute", "mae"), None, "OSError: full")
    good = outcomes({"knn_accuracy_k20": 0.5}, {"knn_accuracy_k20": 0.6})
    paths = save_plots(summarise([failed, *good]), tmp_path)
    assert [path.name for path in paths] == ["representation.png"]
    assert paths[0].read_bytes().startswith(b"\x89PNG")
