"""Measures the cells of a study one by one; one that fails does not end the rest."""

import gc
import time
import traceback

import keras

import keras_mae
from keras_mae.program import RunError

from . import occlusion
from .cells import Outcome, needs_training, training_cell
from .compute import compute_figures
from .distance import distance_figures
from .gradients import gradient_figures, training_batch
from .representation import initial_model, model_path, representation_figures
from .store import CellStore
from .training_runs import train


class Runner:
    """Measures cells, or reads those that are finished.

    Args:
        experiment: An `Experiment`.
    """

    def __init__(self, experiment):
        self.experiment = experiment
        self.store = CellStore(experiment.workdir)
        self.outcomes = {}  # of this run: what has failed is not tried twice

    def run(self, cells):
        """Returns the outcomes of cells and of the trainings that they need."""
        for place, cell in enumerate(cells, 1):
            print(f"[{place}/{len(cells)}] {cell.part} {cell.name}", flush=True)
            if needs_training(cell):
                self.outcome(training_cell(cell))
            self.outcome(cell)
        return list(self.outcomes.values())

    def outcome(self, cell):
        """Returns the `Outcome` of a cell, measured unless it is known."""
        if cell not in self.outcomes:
            figures = self.store.load(cell)
            known = figures is not None
            self.outcomes[cell] = (
                Outcome(cell, figures) if known else self._measured(cell)
            )
        return self.outcomes[cell]

    def _measured(self, cell):
        began = time.perf_counter()
        try:
            figures = MEASURES[cell.part](self, cell)
            self.store.save(cell, figures, time.perf_counter() - began)
        except Exception as error:  # whatever it is, other cells may work
            traceback.print_exc()
            text = " ".join(str(error).split())  # of many lines, one
            message = f"{type(error).__name__}: {text}"[:300]
            print(f"    failed: {message}", flush=True)
            return Outcome(cell, None, message)
        finally:
            keras.backend.clear_session()
            gc.collect()
        print(f"    {time.perf_counter() - began:.1f} s", flush=True)
        return Outcome(cell, figures)

    def training(self, cell):
        """Returns the figures of the training behind a cell.

        Raises:
            RunError: It failed.
        """
        outcome = self.outcome(training_cell(cell))
        if outcome.error is not None:
            raise RunError(f"training failed: {outcome.error}")
        return outcome.figures


def _representation(runner, cell):
    training = runner.training(cell) if needs_training(cell) else None
    return representation_figures(runner.experiment, cell, training)


def _gradients(runner, cell):
    experiment, config = runner.experiment, runner.experiment.config
    model = _model(runner, cell)
    images = training_batch(
        experiment.train,
        model,
        experiment.pretrain,
        config.gradient_images,
        cell.seed,
    )
    return gradient_figures(model, images, config.gradient_draws)


def _distance(runner, cell):
    experiment, model = runner.experiment, _model(runner, cell)
    count = experiment.config.mask_images
    return distance_figures(model, experiment.test, count, cell.seed)


def _occlusion(runner, cell):
    experiment, config = runner.experiment, runner.experiment.config
    encoder = initial_model(experiment, cell).encoder
    pixels = occlusion.object_pixels(
        experiment.test, encoder.preprocessing, config.mask_images, config.boxes
    )
    shares = occlusion.patch_shares(pixels, encoder.grid_size)
    visible = occlusion.visible_shares(
        shares,
        cell.sampler,
        cell.ratio,
        encoder.grid_size,
        config.occlusion_draws,
        cell.seed,
    )
    return {
        **occlusion.occlusion_figures(visible),
        "object_area": float(pixels.mean()),
        "images_with_object": len(shares) / len(pixels),
    }


def _model(runner, cell):
    """Returns the model of a cell: trained, or as it is before that."""
    if not needs_training(cell):
        return initial_model(runner.experiment, cell)
    runner.training(cell)
    return keras_mae.load(model_path(runner.experiment, cell), compile=False)


MEASURES = {
    "training": lambda runner, cell: train(runner.experiment, cell),
    "compute": lambda runner, cell: compute_figures(runner.experiment, cell),
    "representation": _representation,
    "gradients": _gradients,
    "occlusion": _occlusion,
    "distance": _distance,
}
