"""Counts and widths that must be positive integers."""

import numbers


def check_positive(**counts):
    """Raises where an argument, given by its name, is no positive integer.

    Raises:
        ValueError: The first that is none, by name.
    """
    for name, count in counts.items():
        if not isinstance(count, numbers.Integral) or count < 1:
            raise ValueError(
                f"`{name}` must be a positive integer. Received: {name}={count!r}"
            )
