"""Requests to a SavedModel in a process of its own, see `c_api.py`."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

# As the serving kit's compose file sets them.
ONEDNN = {"TF_ENABLE_ONEDNN_OPTS": "1", "TF_ONEDNN_ASSUME_FROZEN_WEIGHTS": "1"}
SERVER = {**os.environ, **ONEDNN}


def run_through_c_api(path, requests, folder):
    """Returns answers by `signature/number/output`, and what the process printed.

    Args:
        path: Folder of the SavedModel.
        requests: Dictionary from `signature/number` to inputs.
        folder: Where the requests and the answers are stored.
    """
    stored = {
        f"{request}/{name}": _storable(value)
        for request, inputs in requests.items()
        for name, value in inputs.items()
    }
    np.savez(folder / "in.npz", **stored)
    script = Path(__file__).with_name("c_api.py")
    files = folder / "in.npz", folder / "out.npz"
    command = [sys.executable, "-P", script, path, *files]
    done = subprocess.run(command, env=SERVER, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with np.load(folder / "out.npz") as outputs:
        return dict(outputs), json.loads(done.stdout.splitlines()[-1])


def _storable(value):
    if isinstance(value, list):
        value = np.array(value, object)
    if value.dtype != object:
        return value
    encoded = [base64.b64encode(content) for content in value.ravel()]
    return np.array(encoded, "S").reshape(value.shape)
