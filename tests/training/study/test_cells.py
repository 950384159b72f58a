import pytest

from training.study.cells import Cell, cells_of, training_cell
from training.study_config import StudyConfig


def names(**settings):
    config = StudyConfig(**{"seeds": (0,), "samplers": ("random",), **settings})
    return [f"{cell.part} {cell.name}" for cell in cells_of(config, 0.75)]


def test_what_hides_nothing_has_one_cell_for_all_samplers():
    found = names(
        parts=("representation",), systems=("scratch", "mae"), samplers=("grid", "half")
    )
    assert found == [
        "representation scratch-seed0",
        "representation mae-grid-0.75-seed0",
        "representation mae-half-0.75-seed0",
    ]


def test_gradients_are_measured_before_and_after_training():
    found = names(parts=("gradients",), systems=("untrained", "mae"), ratios=(0.5,))
    assert found == [
        "gradients mae-random-0.5-initial-seed0",
        "gradients mae-random-0.5-trained-seed0",
    ]


def test_occlusion_knows_no_systems():
    found = names(parts=("occlusion",), systems=("mae", "bert"), ratios=(0.5, 0.75))
    assert found == ["occlusion random-0.5-seed0", "occlusion random-0.75-seed0"]


def test_cost_does_not_depend_on_where_masks_lie():
    found = names(
        parts=("compute",),
        systems=("scratch", "context_encoder", "mae"),
        samplers=("random", "grid"),
        presets=("mae_vit_large_patch16",),
    )
    assert found == [
        "compute scratch-mae_vit_large_patch16-seed0",
        "compute mae-0.75-mae_vit_large_patch16-seed0",
    ]


def test_the_context_encoder_has_a_network_of_its_own():
    found = names(parts=("compute",), systems=("context_encoder",))
    assert found == ["compute context_encoder-0.75-seed0"]


def test_cells_of_one_seed_come_before_the_next():
    found = names(parts=("occlusion",), samplers=("random", "half"), seeds=(0, 1))
    assert [name[-1] for name in found] == ["0", "0", "1", "1"]


@pytest.mark.parametrize("state", ["initial", "trained"])
def test_states_share_a_training(state):
    cell = Cell("gradients", "mae", "random", 0.75, state=state, seed=2)
    assert training_cell(cell) == Cell("training", "mae", "random", 0.75, seed=2)
