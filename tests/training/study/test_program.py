import dataclasses
import json

import numpy as np
import pytest

from keras_mae.program import InputError
from training.config import PretrainConfig
from training.study import runner
from training.study.__main__ import main
from training.study.checks import check_study
from training.study.training_runs import of_steps
from training.study_config import MASKED, SYSTEMS, StudyConfig


def command(workdir, data, *settings, pretrain=()):
    return [
        *("--recipe", "study_demo", "--data", f"folder:{data}", "--tiny"),
        *("--workdir", str(workdir), "--pretrain", "depth=1", *pretrain),
        *("--set", f"boxes={data}.npy", *settings),
    ]


@pytest.fixture(scope="module", autouse=True)
def boxes(stripes):
    """Nothing stands out of stripes: the left half of each test image is its object."""
    np.save(f"{stripes}.npy", np.tile([0.0, 0.0, 1.0, 0.5], (30, 1)))


SMALL = ("parts=representation,gradients,occlusion,distance", "systems=scratch,mae")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, stripes, boxes):
    """A study that has been done: its folder, command and results."""
    workdir = tmp_path_factory.mktemp("studies") / "stripes"
    words = command(workdir, stripes, *SMALL, "samplers=random")
    return workdir, words, main(words)


def test_every_part_has_its_figures(finished):
    _, _, results = finished
    assert results["failed"] == 0
    parts = {row["labels"]["part"]: row["figures"] for row in results["summary"]}
    assert 0 <= parts["representation"]["finetune_accuracy"]["mean"] <= 1
    assert parts["gradients"]["mask_variance"]["mean"] > 0
    assert parts["occlusion"]["visible_mean"]["count"] == 1
    assert parts["distance"]["error_at_1"]["mean"] > 0
    assert parts["training"]["steps"]["mean"] == 4


@pytest.mark.slow
def test_every_system_has_its_figures(tmp_path, stripes):
    systems = f"systems={','.join(SYSTEMS)}"
    results = main(command(tmp_path / "run", stripes, systems, "samplers=random"))
    assert results["failed"] == 0
    found = {}
    for row in results["summary"]:
        assert row["figures"]
        found.setdefault(row["labels"]["part"], set()).add(row["labels"].get("system"))
    assert found["representation"] == set(SYSTEMS)
    assert found["compute"] == {*MASKED, "scratch"}
    assert found["gradients"] == found["distance"] == set(MASKED)


def test_json_table_and_plots_are_written(finished):
    workdir, _, results = finished
    saved = json.loads((workdir / "study.json").read_text())
    assert saved["summary"] == json.loads(json.dumps(results["summary"]))
    assert "## Occlusion" in (workdir / "study.md").read_text()
    names = {"representation", "gradients", "occlusion", "distance"}
    assert {path.stem for path in workdir.glob("*.png")} == names


def test_scratch_trains_as_long_as_the_others_with_their_fine_tuning(finished):
    _, _, results = finished
    steps = {
        row["labels"]["system"]: row["figures"]["steps"]["mean"]
        for row in results["summary"]
        if row["labels"]["part"] == "training"
    }
    assert steps == {"scratch": 4 + 2, "mae": 4}


def test_what_is_finished_is_not_measured_again(finished, monkeypatch):
    _, words, results = finished
    monkeypatch.setattr(runner, "MEASURES", {})  # any measurement would fail
    again = main(words)
    assert again["summary"] == json.loads(json.dumps(results["summary"]))


def test_a_cell_that_fails_is_told_and_does_not_end_the_rest(
    finished, stripes, monkeypatch, capsys
):
    workdir, _, _ = finished

    def fail(runner, cell):
        raise OSError("the disk\nis full")

    monkeypatch.setitem(runner.MEASURES, "distance", fail)
    words = command(workdir, stripes, *SMALL, "samplers=random,half", "systems=mae")
    words += ["parts=distance,occlusion"]
    with pytest.raises(SystemExit, match="1"):
        main(words)
    assert "1 of 6 cells failed" in capsys.readouterr().err
    table = (workdir / "study.md").read_text()
    assert "- failed: mae half 0.6, seed 0: OSError: the disk is full" in table
    assert (workdir / "cells" / "occlusion" / "half-0.6-seed0.json").exists()
    assert not (workdir / "cells" / "distance" / "mae-half-0.6-seed0.json").exists()


def test_a_training_that_fails_is_tried_once(tmp_path, stripes, monkeypatch):
    tried = []

    def fail(runner, cell):
        tried.append(cell)
        raise OSError("no")

    monkeypatch.setitem(runner.MEASURES, "training", fail)
    words = command(tmp_path / "run", stripes, "parts=representation,distance")
    with pytest.raises(SystemExit, match="1"):
        main([*words, "systems=mae", "samplers=random"])
    assert len(tried) == 1
    table = (tmp_path / "run" / "study.md").read_text()
    assert table.count("RunError: training failed: OSError: no") == 2


@pytest.mark.parametrize(
    ("setting", "pretrain"),
    [("steps=5", ()), ("steps=4", ("base_learning_rate=1",))],
)
def test_another_configuration_is_refused(finished, stripes, setting, pretrain, capsys):
    workdir, _, _ = finished
    with pytest.raises(SystemExit, match="2"):
        main(command(workdir, stripes, setting, pretrain=pretrain))
    assert "holds a run of another configuration" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("systems=mea", "unknown system 'mea'; did you mean mae?"),
        ("samplers=blok", "unknown sampler 'blok'; did you mean block?"),
        ("parts=gradient", "unknown part 'gradient'; did you mean gradients?"),
        ("judges=knm", "unknown judge 'knm'; did you mean knn?"),
        ("presets=mae_vit_larg", "unknown preset 'mae_vit_larg'; did you mean"),
        ("pretrain_recipe=dem", "unknown recipe 'dem'; did you mean demo?"),
        ("ratios=1.5", "ratios must lie in [0, 1); received 1.5"),
        ("minutes=0", "minutes must be above 0; received 0"),
        ("gradient_draws=1", "gradient_draws must be at least 2; received 1"),
    ],
)
def test_bad_settings_are_one_line(tmp_path, stripes, setting, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(command(tmp_path / "run", stripes, setting))
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_an_axis_must_name_something():
    with pytest.raises(InputError, match="systems must name at least one"):
        check_study(dataclasses.replace(StudyConfig(), systems=()))


def test_a_damaged_cell_is_told(finished, capsys):
    workdir, words, _ = finished
    (path,) = (workdir / "cells" / "occlusion").glob("random*")
    content = path.read_text()
    path.write_text("{")
    with pytest.raises(SystemExit, match="2"):
        main(words)
    path.write_text(content)
    assert "is damaged; remove it to measure" in capsys.readouterr().err


def test_budget_is_kept_in_passes_over_the_data():
    config = PretrainConfig(batch_size=10, epochs=40, warmup_epochs=4)
    found = of_steps(config, steps=25, num_images=100)
    assert (found.epochs, found.steps_per_epoch) == (2, 12)
    assert found.warmup_epochs == pytest.approx(0.2)
    short = of_steps(config, steps=3, num_images=100)
    assert (short.epochs, short.steps_per_epoch) == (1, 3)


@pytest.mark.slow
def test_minutes_become_steps_once(tmp_path, stripes):
    words = command(tmp_path / "run", stripes, "parts=distance", "systems=mae")
    words += ["samplers=random", "minutes=0.002"]
    results = main(words)
    (budget,) = (tmp_path / "run" / "runs").glob("*/budget.json")
    steps = json.loads(budget.read_text())["steps"]
    assert steps >= 1
    training = results["summary"][0]
    assert training["labels"]["part"] == "training"
    assert training["figures"]["steps"]["mean"] <= steps


def test_help_teaches(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    help_text = capsys.readouterr().out
    assert "--recipe study_cifar10 --data tfds:cifar10" in help_text
    assert "gradient_draws" in help_text
