"""What a study is made of: what its cells share, and which cells there are."""

import dataclasses

PARTS = ("compute", "representation", "gradients", "occlusion", "distance")

# Baselines, which hide nothing, and systems that learn from hidden patches.
UNMASKED = ("pixels", "untrained", "scratch")
MASKED = ("context_encoder", "mask_token", "simmim", "bert", "mae")
SYSTEMS = (*UNMASKED, *MASKED)


@dataclasses.dataclass(frozen=True)
class CellSettings:
    """What all cells in one folder have in common; another configuration is refused."""

    # Recipe of pre-training: the encoder of all systems, optimizer, crops.
    pretrain_recipe: str = "demo"
    # Changes to it, KEY=VALUE; --pretrain adds some.
    pretrain_settings: tuple[str, ...] = ()
    # Recipe of the Context Encoder, whose network is its own.
    context_recipe: str = "context_encoder_demo"
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
    # pixels, untrained, scratch, context_encoder, mask_token, simmim, bert, mae.
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
        "pretrain_settings": ("compute=auto",),  # compiling takes longer than the steps
        "finetune_settings": ("compute=auto",),
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
        "samplers": ("random",),
        "seeds": (0,),
    }

    def shared(self):
        """Returns the `CellSettings`."""
        names = [field.name for field in dataclasses.fields(CellSettings)]
        return CellSettings(**{name: getattr(self, name) for name in names})
