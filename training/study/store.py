"""Finished cells on disk: one JSON each, complete or absent."""

import dataclasses
import json

from keras_mae.program import InputError

from ..workdir import write_atomically


class CellStore:
    """The finished cells in a folder, so that a study goes on where it stopped.

    Args:
        workdir: `Path` of the study; cells are `workdir/cells/PART/NAME.json`.
    """

    def __init__(self, workdir):
        self.folder = workdir / "cells"

    def path(self, cell):
        """Returns the path of a cell's file."""
        return self.folder / cell.part / f"{cell.name}.json"

    def load(self, cell):
        """Returns the figures of a cell, or `None` where it is not finished.

        Raises:
            InputError: Its file is not what `save` writes.
        """
        path = self.path(cell)
        if not path.exists():
            return None
        try:
            return json.loads(path.read_text())["figures"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} is damaged; remove it to measure that cell again"
            ) from error

    def save(self, cell, figures, seconds):
        """Saves the figures of a cell, a dictionary of numbers and lists."""
        path = self.path(cell)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "cell": dataclasses.asdict(cell),
            "seconds": round(seconds, 1),
            "figures": figures,
        }
        write_atomically(path, json.dumps(content, indent=2) + "\n")
