"""Contestants without processes of their own, which take seconds to start."""

import pytest

from training.benchmark import ceiling, exports, inference, models, training_step
from training.benchmark.worker import load, peak_memory


class Local:
    """A `Worker` in this process."""

    def __init__(self, contestant):
        self.contestant = contestant
        self.description, self.measure = load(contestant.function)(**contestant.request)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def ask(self, **question):
        return {**self.measure(**question), "peak_memory": peak_memory()}


@pytest.fixture
def local(monkeypatch):
    """Makes contestants of this process, the ceiling small, and steps 2 ms long.

    `fit` would compile first.
    """
    monkeypatch.setattr(ceiling, "SIDE", 256)
    monkeypatch.setattr(
        models,
        "time_steps",
        lambda model, batch, steps: [0.002] * steps,
    )
    for module in (training_step, exports, inference):
        monkeypatch.setattr(module, "Worker", Local)
