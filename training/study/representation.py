"""Part `representation`: what the programs' judges say of every system's features."""

import keras

from keras_mae.weights import load_encoder

from ..evaluate import figures
from ..features import FrozenEncoder, encode, pixels
from ..pretrain import build_model
from .training_runs import finetuned

POOLING, BATCH = "gap", 256


def representation_figures(experiment, cell, training):
    """Returns accuracies of a system's frozen features, and after fine-tuning.

    Args:
        experiment: An `Experiment`.
        cell: A `Cell`.
        training: Dictionary of the figures of its training, or `None`.

    Returns:
        Dictionary of the judges' accuracies, see `training.evaluate.figures`, and of
        `finetune_accuracy`, where there is fine-tuning: of `scratch`, the accuracy of
        the trained classifier itself.
    """
    config = experiment.config
    results = figures(_features(experiment, cell), config.judges, cell.seed)
    if cell.system == "scratch":
        results["finetune_accuracy"] = training["test_top1"]
    elif cell.system != "pixels" and config.finetune_steps:
        model = None if cell.system == "untrained" else model_path(experiment, cell)
        results["finetune_accuracy"] = finetuned(experiment, cell, model)
    return results


def model_path(experiment, cell):
    """Returns the path of the trained model behind a cell."""
    return str(experiment.run_folder(cell) / "model.keras")


def initial_model(experiment, cell):
    """Returns a system's model as it is before its training, in float32."""
    keras.utils.set_random_seed(cell.seed)
    return build_model(experiment.pretrain_config(cell), dtype="float32")


def _features(experiment, cell):
    splits = (experiment.train, experiment.test)
    count = experiment.config.judge_images
    if cell.system in ("pixels", "untrained"):
        encoder = initial_model(experiment, cell).encoder
    else:
        encoder = load_encoder(model_path(experiment, cell))
    if cell.system == "pixels":
        return pixels(splits, encoder.preprocessing, BATCH, count)
    frozen = FrozenEncoder(encoder, POOLING)
    return encode(frozen, splits, encoder.preprocessing, BATCH, count)
