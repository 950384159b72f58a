"""The cells of a study, each measured and saved by itself."""

import dataclasses
import itertools
from typing import NamedTuple

from ..study_config import UNMASKED

INITIAL, TRAINED = "initial", "trained"


@dataclasses.dataclass(frozen=True)
class Cell:
    """One thing to measure; `None` where it does not matter.

    Attributes:
        part: String, of `PARTS`, or `"training"`.
        system, sampler, preset, state: Strings; `state` is that of the weights,
            `"initial"` or `"trained"`.
        ratio: Float, the mask ratio.
        seed: Integer.
    """

    part: str
    system: str | None = None
    sampler: str | None = None
    ratio: float | None = None
    preset: str | None = None
    state: str | None = None
    seed: int = 0

    @property
    def labels(self):
        """All but the seed, as a dictionary of what is not `None`."""
        labels = dataclasses.asdict(self)
        del labels["seed"]
        return {name: value for name, value in labels.items() if value is not None}

    @property
    def name(self):
        """The name of its file, without the part."""
        _, *labels = self.labels.values()
        return "-".join(map(str, [*labels, f"seed{self.seed}"]))


class Outcome(NamedTuple):
    """What came of a cell: figures, or `error`, one line."""

    cell: Cell
    figures: dict | None
    error: str | None = None


def training_cell(cell):
    """Returns the training that a cell's weights come from."""
    return dataclasses.replace(cell, part="training", preset=None, state=None)


def needs_training(cell):
    """Whether a cell measures trained weights."""
    if cell.part == "representation":
        return cell.system not in ("pixels", "untrained")
    return cell.part == "distance" or cell.state == TRAINED


def cells_of(config, ratio):
    """Returns the cells of a study in the order in which they are measured.

    Args:
        config: A `StudyConfig`.
        ratio: The recipe's mask ratio, where the study names none.
    """
    ratios, presets = config.ratios or (ratio,), config.presets or (None,)
    masked = [system for system in config.systems if system not in UNMASKED]
    axes = (config.samplers, ratios)
    makers = {
        "occlusion": lambda: _product("occlusion", [None], *axes),
        "compute": lambda: _compute(config.systems, masked, ratios, presets),
        "representation": lambda: [
            *(Cell("representation", s) for s in config.systems if s in UNMASKED),
            *_product("representation", masked, *axes),
        ],
        "gradients": lambda: [
            dataclasses.replace(cell, state=state)
            for cell in _product("gradients", masked, *axes)
            for state in (INITIAL, TRAINED)
        ],
        "distance": lambda: _product("distance", masked, *axes),
    }
    chosen = [make() for part, make in makers.items() if part in config.parts]
    return [
        dataclasses.replace(cell, seed=seed)
        for seed in config.seeds  # all of one seed before the next
        for cell in itertools.chain(*chosen)
    ]


def _product(part, systems, samplers, ratios):
    axes = itertools.product(systems, samplers, ratios)
    return [Cell(part, *labels) for labels in axes]


def _compute(systems, masked, ratios, presets):
    """Where masks lie costs nothing; how much they hide does.

    Of named presets, the systems with a Vision Transformer.
    """
    scratch = [system for system in systems if system == "scratch"]
    return [
        Cell("compute", system, ratio=ratio, preset=preset)
        for preset in presets
        for system, ratio in [
            *itertools.product(scratch, [None]),
            *itertools.product(masked, ratios),
        ]
        if preset is None or system != "context_encoder"
    ]
