"""Runs an artifact on stored inputs: `python -P reader.py ARTIFACT IN.npz OUT.npz`.

`export.verify` starts it in a process of its own. It imports nothing of this
project, so it knows of the model only what the artifact holds.

IN.npz maps `signature/number` to a batch; bytes are base64, because NumPy cuts
zeros off the ends of strings. OUT.npz maps `signature/number/output` to arrays.
One JSON line on stdout maps each signature to the milliseconds of its batch 0.
"""

import base64
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

MAX_RUNS, MAX_SECONDS = 20, 2.0  # of a latency measurement


def open_saved_model(path):
    """Returns a function of (signature, batch) that runs a SavedModel."""
    import tensorflow as tf

    loaded = tf.saved_model.load(path)

    def run(signature, batch):
        outputs = loaded.signatures[signature](tf.constant(batch))
        return {name: value.numpy() for name, value in outputs.items()}

    return run


def open_onnx(path):
    """Returns a function of (signature, batch) that runs an ONNX file."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(signature, batch):
        outputs = session.run(names, {session.get_inputs()[0].name: batch})
        return dict(zip(names, outputs, strict=True))

    return run


def decode(batch):
    """Returns a batch as it was stored, or the bytes that were stored as base64."""
    if batch.dtype.kind != "S":
        return batch
    return np.array([base64.b64decode(text) for text in batch], dtype=object)


def median_ms(function):
    """Returns the median milliseconds of several calls, after one to warm up."""
    function()
    times = []
    while len(times) < MAX_RUNS and sum(times) < MAX_SECONDS:
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def main(artifact, input_file, output_file):
    run = (open_saved_model if Path(artifact).is_dir() else open_onnx)(artifact)
    with np.load(input_file) as stored:
        batches = {key: decode(stored[key]) for key in stored.files}
    outputs, latencies = {}, {}
    for key, batch in batches.items():
        signature, number = key.split("/")
        for name, value in run(signature, batch).items():
            outputs[f"{key}/{name}"] = value
        if number == "0":
            latencies[signature] = median_ms(lambda s=signature, b=batch: run(s, b))
    np.savez(output_file, **outputs)
    print(json.dumps(latencies))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:  # of TensorFlow's and ONNX Runtime's many kinds
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")
