"""Mean and spread over seeds of what the cells measured."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Summary:
    """The cells that differ in their seed alone.

    Attributes:
        labels: Dictionary of what the cells have in common, `part` first.
        figures: Dictionary of `Spread`s.
        seeds: Seeds of the cells that worked.
        errors: Dictionary from seed to error, of those that did not.
    """

    labels: dict
    figures: dict
    seeds: list
    errors: dict


@dataclasses.dataclass(frozen=True)
class Spread:
    """A figure over seeds; of a list of numbers, element by element.

    Attributes:
        mean: Float or list of floats.
        std: Standard deviation of one seed (n - 1 in the denominator), `None` where
            there is one alone.
        count: Integer, seeds that have the figure.
    """

    mean: float | list
    std: float | list | None
    count: int


def summarise(outcomes):
    """Returns one `Summary` for all outcomes that differ in their seed alone."""
    groups = {}
    for outcome in outcomes:
        key = tuple(outcome.cell.labels.items())
        groups.setdefault(key, []).append(outcome)
    return [_summary(dict(key), members) for key, members in groups.items()]


def _summary(labels, outcomes):
    good = [outcome for outcome in outcomes if outcome.error is None]
    names = dict.fromkeys(name for o in good for name in o.figures)
    values = {name: [o.figures.get(name) for o in good] for name in names}
    spreads = {name: _spread(found) for name, found in values.items()}
    return Summary(
        labels,
        {name: spread for name, spread in spreads.items() if spread is not None},
        [outcome.cell.seed for outcome in good],
        {o.cell.seed: o.error for o in outcomes if o.error is not None},
    )


def _spread(values):
    """Returns the spread of values that are there; a figure may be `None`."""
    found = [value for value in values if value is not None]
    if not found:
        return None
    std = np.std(found, axis=0, ddof=1).tolist() if len(found) > 1 else None
    return Spread(np.mean(found, axis=0).tolist(), std, len(found))
