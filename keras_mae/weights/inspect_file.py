"""Prints what a weight file holds, its architecture and licence, and loads nothing.

    keras-mae inspect FILE
    keras-mae inspect FOLDER      # of Hugging Face

The last line is the same as JSON.
"""

import argparse
import dataclasses
import json

from ..program import one_line_errors
from .load import inspect


def main(argv=None):
    """Prints a weight file's report; returns it as a dictionary."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="FILE: .pth, .pt, .safetensors, .safetensors.index.json, or a folder "
        "of Hugging Face.",
    )
    parser.add_argument("file", metavar="FILE")
    arguments = parser.parse_args(argv)
    with one_line_errors():
        report = inspect(arguments.file)
    results = dataclasses.asdict(report)
    print(report)
    print(json.dumps(results))
    return results
