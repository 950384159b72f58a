"""What a study is made of: what its cells share, and which cells there are."""

import dataclasses

from keras_mae.layers.mask_samplers import SAMPLERS
from keras_mae.program import InputError, unknown

PARTS = ("compute", "representation", "gradients", "occlusion", "distance")

# Baselines, which hide nothing, and systems that learn from hidden patches.
UNMASKED = ("pixels", "untrained", "scratch")
MASKED = ("mae",)
SYSTEMS = (*UNMASKED, *MASKED)


@dataclasses.dataclass(frozen=True)
class CellSettings:
    """What all cells in one folder have in common; another configuration is refused."""

    # Recipe of pre-training: the encoder of all systems, optimizer, crops.
    pretrain_recipe: str = "demo"
    # Changes to it, KEY=VALUE; --pretrain adds some.
    pretrain_settings: tuple[str, ...] = ()
    # Recipe of fine-tuning, and of training from scratch.
    finetune_recipe: str = "finetune_demo"
    # Changes to it, KEY=VALUE; --finetune adds some.
    finetune_settings: tuple[str, ...] = ()

    # Budget: training steps of every system, before it is fine-tuned.
    steps: int = 1000
    # Budget in minutes of training instead of steps, as measured on the data.
    minutes: float | None = None
    # Steps of fine-tuning, which scratch trains longer by; 0 for no fine-tuning.
    finetune_steps: int = 300
    # Who judges the frozen features: knn, linear_probe, few_shot.
    judges: tuple[str, ...] = ("knn", "linear_probe")
    # Images of each split to judge by, spread over it; None for all.
    judge_images: int | None = None

    # gradients: training images, each with draws of its mask.
    gradient_images: int = 64
    # gradients: masks drawn for every image, and for the batch of them.
    gradient_draws: int = 8
    # occlusion, distance: held-out images.
    mask_images: int = 512
    # occlusion: masks drawn for every image.
    occlusion_draws: int = 20
    # occlusion: .npy of boxes, see occlusion.py; None for a saliency of the image.
    boxes: str | None = None
    # compute: images of a step.
    compute_batch_size: int = 16
    # compute: steps that are timed; 0 to count operations alone.
    compute_steps: int = 10


@dataclasses.dataclass(frozen=True)
class StudyConfig(CellSettings):
    """A study: which cells, and what they share.

    Cells of more systems, samplers, ratios, seeds, parts and presets may be added to a
    folder later: none of these changes what another cell measures.
    """

    # compute, representation, gradients, occlusion, distance.
    parts: tuple[str, ...] = PARTS
    # Which systems, see --help.
    systems: tuple[str, ...] = SYSTEMS
    # random, block, grid, rectangle, half.
    samplers: tuple[str, ...] = ("random",)
    # Fractions of patches to hide; empty for the recipe's.
    ratios: tuple[float, ...] = ()
    # Each repeats every cell.
    seeds: tuple[int, ...] = (0, 1, 2)
    # compute: architectures, see `keras_mae.list_presets()`; empty for the study's own.
    presets: tuple[str, ...] = ()

    PROGRAM = "study"
    TINY = {
        "pretrain_settings": ("xla=false",),
        "steps": 4,
        "finetune_steps": 2,
        "judges": ("knn",),
        "judge_images": 64,
        "gradient_images": 4,
        "gradient_draws": 2,
        "mask_images": 16,
        "occlusion_draws": 2,
        "compute_batch_size": 4,
        "compute_steps": 2,
        "systems": ("scratch", "mae"),
        "seeds": (0,),
    }

    def shared(self):
        """Returns the `CellSettings`."""
        names = [field.name for field in dataclasses.fields(CellSettings)]
        return CellSettings(**{name: getattr(self, name) for name in names})


def check_study(config):
    """Checks the names and numbers of a `StudyConfig`.

    Raises:
        InputError: One cannot be used; of names the near ones are told.
    """
    known = {"parts": PARTS, "systems": SYSTEMS, "samplers": tuple(SAMPLERS)}
    for key, names in known.items():
        for name in getattr(config, key):
            if name not in names:
                raise unknown(key.removesuffix("s"), name, names)
    for key in ("parts", "systems", "samplers", "seeds"):
        if not getattr(config, key):
            raise InputError(f"{key} must name at least one")
    if config.minutes is not None and config.minutes <= 0:
        raise InputError(f"minutes must be above 0; received {config.minutes}")
    for name, least in LEAST.items():
        if getattr(config, name) < least:
            raise InputError(
                f"{name} must be at least {least}; received {getattr(config, name)}"
            )


LEAST = {
    "steps": 1,
    "finetune_steps": 0,
    "gradient_images": 2,  # two of each, to have a variance
    "gradient_draws": 2,
    "mask_images": 1,
    "occlusion_draws": 1,
    "compute_batch_size": 1,
    "compute_steps": 0,
}
