import dataclasses
import sys

import pytest

from keras_mae.program import RunError
from training.config import PretrainConfig
from training.finetune_config import FinetuneConfig
from training.recipes import get_recipe
from training.study.cells import Cell
from training.study.compute import compute_figures
from training.study.experiment import open_experiment
from training.study.measure import measure
from training.study_config import StudyConfig

SMALL = {"embed_dim": 16, "depth": 1, "num_heads": 2, "batch_size": 4}
SMALL["compute"] = "auto"


def costs(recipe, kind, steps, **changes):
    config = dataclasses.replace(get_recipe(recipe, kind), **{**SMALL, **changes})
    return measure(kind.PROGRAM, dataclasses.asdict(config), steps)


@pytest.mark.slow
def test_a_timed_step_has_time_memory_and_share():
    found = costs("demo", PretrainConfig, 2)
    assert found["fastest_step"] <= found["step_seconds"] <= found["slowest_step"]
    rate = found["images_per_second"] * found["step_seconds"]
    assert rate == pytest.approx(4)
    assert found["peak_memory_gb"] > 0.1
    assert 0 < found["share_of_ceiling"] < 1


def test_mask_tokens_in_the_encoder_cost_more_operations():
    sizes = {"embed_dim": 64, "depth": 2, "decoder_embed_dim": 8, "decoder_depth": 1}
    mae, mask_token = (
        costs("demo", PretrainConfig, 0, system=system, **sizes, decoder_num_heads=2)
        for system in ("mae", "mask_token")
    )
    # Of 49 patches 19 are visible.
    assert 1.5 < mask_token["gflop_per_image"] / mae["gflop_per_image"] < 3


def test_a_classifier_is_counted_with_its_labels():
    found = costs("finetune_demo", FinetuneConfig, 0)
    assert list(found) == ["gflop_per_image"]
    assert found["gflop_per_image"] > 0


def test_operations_do_not_depend_on_the_parts_of_a_batch():
    whole, parts = (
        costs("demo", PretrainConfig, 0, accumulation_steps=count) for count in (1, 2)
    )
    assert parts == whole


@pytest.fixture
def experiment(tmp_path, stripes):
    config = StudyConfig(compute_steps=0, compute_batch_size=4)
    return open_experiment(config, f"folder:{stripes}", tmp_path / "run", tiny=True)


def test_a_process_that_fails_is_one_line(experiment, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RunError, match="status 1: no message"):
        compute_figures(experiment, Cell("compute", "mae", ratio=0.6))


def test_a_fresh_process_says_what_this_one_says(experiment):
    cell = Cell("compute", "mae", ratio=0.6)
    config = dataclasses.replace(experiment.pretrain_config(cell), batch_size=4)
    expected = measure("pretrain", dataclasses.asdict(config), 0)
    assert compute_figures(experiment, cell) == expected
