"""What all cells of a study read: settings, data, folder."""

import dataclasses
from pathlib import Path

from keras_mae.program import checking_input

from ..classifier import ARCHITECTURE
from ..command_line import apply_settings
from ..config import PretrainConfig
from ..data import Source
from ..features import load_splits
from ..finetune_config import FinetuneConfig
from ..pretrain import build_model
from ..recipes import get_recipe
from ..study_config import MASKED, StudyConfig
from ..workdir import open_workdir
from .cells import training_cell
from .occlusion import load_boxes

CONTEXT = "context_encoder"
# What the Context Encoder takes from the recipe of the others; masks lie on their grid.
OF_CONTEXT = ("image_size", "patch_size", "num_channels", "mean", "std", "crop_ratio")
OF_CONTEXT += ("flip", "crop_scale", "batch_size", "precision")
# What a classifier from scratch takes from it.
SHARED = ("preset", "image_size", *ARCHITECTURE, "mean", "std", "crop_ratio", "flip")


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A study's settings, data and folder.

    Attributes:
        config: A `StudyConfig`.
        pretrain, context: `PretrainConfig`s of all systems and of the Context Encoder.
        finetune: `FinetuneConfig` of all cells.
        data, data_dir: As on the command line.
        train, test: `Source`s of both splits, with labels.
        workdir: `Path`.
    """

    config: StudyConfig
    pretrain: PretrainConfig
    context: PretrainConfig
    finetune: FinetuneConfig
    data: str
    data_dir: str | None
    train: Source
    test: Source
    workdir: Path

    def run_folder(self, cell):
        """Returns the folder of the training behind a cell."""
        return self.workdir / "runs" / training_cell(cell).name

    def pretrain_config(self, cell):
        """Returns the `PretrainConfig` of a cell; the recipe tells what it does not."""
        config = self.context if cell.system == CONTEXT else self.pretrain
        chosen = {
            "system": cell.system if cell.system in MASKED else None,
            "preset": cell.preset,
            "mask_sampler": cell.sampler,
            "mask_ratio": cell.ratio,
        }
        chosen = {name: value for name, value in chosen.items() if value is not None}
        return dataclasses.replace(config, seed=cell.seed, **chosen)

    def classifier_config(self, cell, from_scratch):
        """Returns the `FinetuneConfig` of a cell.

        From scratch the encoder is the study's, and no layer learns slower than
        another; otherwise the pre-trained file tells the encoder.
        """
        config = dataclasses.replace(self.finetune, seed=cell.seed)
        if from_scratch:
            preset = {} if cell.preset is None else {"preset": cell.preset}
            return dataclasses.replace(config, layer_decay=1.0, **preset)
        return dataclasses.replace(config, **dict.fromkeys(("preset", *ARCHITECTURE)))


def open_experiment(config, data, workdir, data_dir=None, tiny=False):
    """Opens data and folder of a study.

    Args:
        config: A `StudyConfig`.
        data, data_dir: Data spec with labels, see `training.data.load_source`.
        workdir: Path of the study.
        tiny: Boolean. Whether the recipes' models and batches are shrunk.

    Returns:
        An `Experiment`.

    Raises:
        InputError: Settings, data or folder that cannot be used.
    """
    pretrain = _recipe(config.pretrain_recipe, PretrainConfig, tiny)
    pretrain = apply_settings(pretrain, config.pretrain_settings)
    pretrain = _resolved(pretrain)
    shared = {name: getattr(pretrain, name) for name in OF_CONTEXT}
    context = get_recipe(config.context_recipe, PretrainConfig)
    context = dataclasses.replace(context, **shared)
    finetune = _recipe(config.finetune_recipe, FinetuneConfig, tiny)
    shared = {name: getattr(pretrain, name) for name in SHARED}
    finetune = dataclasses.replace(finetune, **shared)
    finetune = apply_settings(finetune, config.finetune_settings)
    train, test = load_splits(data, data_dir)
    if config.boxes is not None:
        load_boxes(config.boxes, test.num_examples)
    recipes = {"pretrain": pretrain, "context": context, "finetune": finetune}
    settings = {
        f"{kind}.{name}": value
        for kind, recipe in recipes.items()
        for name, value in dataclasses.asdict(recipe).items()
    }
    workdir = open_workdir(workdir, config.shared(), data=data, **settings)
    return Experiment(
        config, pretrain, context, finetune, data, data_dir, train, test, workdir
    )


def _resolved(pretrain):
    """Returns the settings with the patches and the mask ratio that a preset chose."""
    with checking_input():
        model = build_model(pretrain)
    return dataclasses.replace(
        pretrain, patch_size=model.encoder.patch_size, mask_ratio=model.mask_ratio
    )


def _recipe(name, kind, tiny):
    recipe = get_recipe(name, kind)
    return dataclasses.replace(recipe, **(kind.TINY if tiny else {}))
