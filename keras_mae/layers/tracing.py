"""Switches that hold while a graph is traced."""

import contextlib


@contextlib.contextmanager
def holding(switch, value):
    """Gives a `contextvars.ContextVar` a value inside.

    Replicas are traced in threads of their own, which begin with its default.
    """
    token = switch.set(value)
    try:
        yield
    finally:
        switch.reset(token)
