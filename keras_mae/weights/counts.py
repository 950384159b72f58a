"""Checks of sizes that a file claims, before anything is made of them."""

import math

_MOST_AXES = 32
_MOST_ELEMENTS = 2**56  # NumPy refuses more, even where another size is 0


def are_counts(values):
    """Tells whether all values are integers that a file may count with."""
    return all(type(value) is int and 0 <= value < 2**63 for value in values)


def is_shape(sizes):
    """Tells whether sizes are those of an array that NumPy can make."""
    if not are_counts(sizes) or len(sizes) > _MOST_AXES:
        return False
    return math.prod(size or 1 for size in sizes) <= _MOST_ELEMENTS
