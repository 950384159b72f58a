"""Keeps the converters' chatter out of the programs' output."""

import contextlib
import logging


@contextlib.contextmanager
def quiet(*names):
    """Lets the loggers of these names report errors only, for as long as it lasts."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
