"""Copies a file's tensors into a model: each used once, each variable assigned once."""

import collections

import numpy as np

from ..program import InputError


def copy(rows, tensors, variables, path, ignored=(), random=(), progress=iter):
    """Assigns every variable, or raises one error that lists both sides.

    Args:
        rows: The `Row`s.
        tensors: Dictionary of arrays by the file's names.
        variables: All variables of the model.
        path: Path of the file, for the error.
        ignored: Names of tensors that are left out, for a reason.
        random: Variables that keep their random values, for a reason.
        progress: Function that passes the rows on while they are copied.

    Raises:
        ValueError: A tensor is left over, missing or of another shape, or a
            variable is assigned twice or never; then the model is half filled.
    """
    used = collections.Counter(key for row in rows for key in row.keys)
    filled = collections.Counter(id(row.variable) for row in rows)
    filled.update(id(variable) for variable in random)
    missing = [key for key in used if key not in tensors]
    problems = {
        "in the file, but not in the model": sorted(set(tensors) - {*used, *ignored}),
        "in the model, but not in the file": missing,
        "used more than once": [key for key, times in used.items() if times > 1],
        "variables that nothing fills or two rows fill": [
            variable.path for variable in variables if filled[id(variable)] != 1
        ],
        "of another shape": [],
    }
    for row in progress(rows):
        if not set(row.keys) & set(missing):
            problems["of another shape"] += _assign(row, tensors)
    _raise(problems, path)


def _assign(row, tensors):
    """Fills one variable, or returns what does not fit."""
    arrays = [tensors[key] for key in row.keys]
    expected = tuple(row.variable.shape)
    try:
        joined = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
        value = np.asarray(row.transform(joined), "float32")
    except InputError:
        raise
    except (ValueError, IndexError):
        value = None  # too few axes for its transform
    if value is not None and value.shape == expected:
        row.variable.assign(value)
        return []
    shapes = ", ".join(str(array.shape) for array in arrays)
    return [f"{row.keys[0]} (file {shapes}; the model's variable {expected})"]


def _raise(problems, path):
    parts = [
        f"{what}: {', '.join(names[:8])}"
        + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        for what, names in problems.items()
        if names
    ]
    if parts:
        raise InputError(f"{path} does not fit the model; {'; '.join(parts)}")
