"""Artifacts that a benchmark times when asked, on all cores of their process.

Nothing here imports `training`: `python -m training.benchmark --inference` starts these
functions by name.
"""

import importlib.metadata
import os
import time
from pathlib import Path

import numpy as np

from .reader import open_onnx, open_saved_model


def timed(artifact, shape):
    """Returns a description, and a function that times runs on noise.

    Args:
        artifact: Path of a SavedModel's version, by its signature `serving_default`, or
            of an ONNX file; the input of both is `images`.
        shape: Integers, the shape of an image as the artifact takes it.

    Returns:
        Dictionary of `versions`; and a function of `steps` and `batch_size` that
        returns a dictionary of `seconds`, one for each run.
    """
    is_folder = Path(artifact).is_dir()
    threads = len(os.sched_getaffinity(0))
    run = (open_saved_model if is_folder else open_onnx)(artifact, threads)
    package = "tensorflow" if is_folder else "onnxruntime"

    def measure(steps, batch_size):
        rng = np.random.default_rng(0)
        batch = {"images": rng.normal(size=(batch_size, *shape)).astype("float32")}
        return {"seconds": [_seconds(run, batch) for _ in range(steps)]}

    return {"versions": {package: importlib.metadata.version(package)}}, measure


def _seconds(run, batch):
    began = time.perf_counter()
    run("serving_default", batch)
    return time.perf_counter() - began
