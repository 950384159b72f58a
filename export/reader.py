"""Runs an artifact on stored inputs: `reader.py ARTIFACT IN.npz OUT.npz [THREADS]`.

`export.verify` starts it in a process of its own. It imports nothing of this
project, so it knows of the model only what the artifact holds.

IN.npz maps `signature/number/input` to an array; bytes are base64, because NumPy cuts
zeros off the ends of strings. OUT.npz maps `signature/number/output` to arrays.
One JSON line on stdout maps `signature/number` to milliseconds: of batch 0, or, where
THREADS is given (of one operation; 0: the runtime's choice), of every batch.
"""

import base64
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

MAX_RUNS, MAX_SECONDS = 20, 2.0  # of a latency measurement


def open_saved_model(path, threads):
    """Returns a function of (signature, batch) that runs a SavedModel."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    loaded = tf.saved_model.load(path)

    def run(signature, batch):
        inputs = {name: tf.constant(value) for name, value in batch.items()}
        outputs = loaded.signatures[signature](**inputs)
        return {name: as_bytes(value.numpy()) for name, value in outputs.items()}

    return run


def open_onnx(path, threads):
    """Returns a function of (signature, batch) that runs an ONNX file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]

    def run(signature, batch):
        values = map(as_bytes, session.run(names, batch))
        return dict(zip(names, values, strict=True))

    return run


def decode(array):
    """Returns an array as it was stored, or the bytes that were stored as base64."""
    if array.dtype.kind != "S":
        return array
    return np.array([base64.b64decode(text) for text in array], dtype=object)


def read_batches(file):
    """Returns a dictionary of inputs for each `signature/number`."""
    batches = {}
    with np.load(file) as stored:
        for key in stored.files:
            number, _, name = key.rpartition("/")
            batches.setdefault(number, {})[name] = decode(stored[key])
    return batches


def as_bytes(array):
    """Returns names of classes as fixed-width UTF-8: NumPy pickles objects."""
    if array.dtype != object:
        return array
    names = [n if isinstance(n, bytes) else n.encode() for n in array.ravel()]
    return np.array(names).reshape(array.shape)


def median_ms(function):
    """Returns the median milliseconds of several calls, after one to warm up."""
    function()
    times = []
    while len(times) < MAX_RUNS and sum(times) < MAX_SECONDS:
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def main(artifact, input_file, output_file, threads=None):
    open_artifact = open_saved_model if Path(artifact).is_dir() else open_onnx
    run = open_artifact(artifact, int(threads or 0))
    outputs, latencies = {}, {}
    for key, batch in read_batches(input_file).items():
        signature, number = key.split("/")
        for name, value in run(signature, batch).items():
            outputs[f"{key}/{name}"] = value
        if number == "0" or threads is not None:
            latencies[key] = median_ms(lambda s=signature, b=batch: run(s, b))
    np.savez(output_file, **outputs)
    print(json.dumps(latencies))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:  # of TensorFlow's and ONNX Runtime's many kinds
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")
