"""Compares artifacts, each loaded in a fresh process, with the model that made them."""

import base64
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from keras_mae.program import InputError
from keras_mae.weights import encoder_of

from .cases import add_files, expected_outputs, make_cases, max_error
from .encoder import in_float32
from .manifest import changed_files, plain_config, read_manifest

READER = Path(__file__).with_name("reader.py")


def verify_artifacts(model, artifacts, images=(), tolerance=1e-4):
    """Runs every signature of every artifact and compares it with Keras.

    Args:
        model: `ViTEncoder`, or a model with one as `.encoder`, that the artifacts
            were made from. One in mixed precision is compared in float32, as it
            was exported.
        artifacts: Folders of SavedModel versions and ONNX files.
        images: JPEG and PNG files to compare on, besides random pictures.
        tolerance: Float. Largest difference that passes: absolute, but relative
            to the largest value where that exceeds 1.

    Returns:
        List of dictionaries, one for each artifact and endpoint (a signature, or
        `session` of an ONNX file): `artifact`, `endpoint`, `max_error`,
        `latency_ms` (one image, median), `bytes` on disk, `ok`, and `problem`,
        `None` or a line about what is wrong.

    Raises:
        InputError: There is no such artifact, it has no manifest, or an image
            cannot be read.
    """
    encoder = in_float32(encoder_of(model))
    manifests = [_checked_manifest(artifact) for artifact in artifacts]
    cases = make_cases(encoder.preprocessing)
    add_files(cases, encoder.preprocessing, images)
    rows = []
    for artifact, manifest in zip(artifacts, manifests, strict=True):
        rows += _verify(encoder, artifact, manifest, cases, tolerance)
    return rows


def _checked_manifest(artifact):
    path = Path(artifact)
    if path.is_dir() and not (path / "saved_model.pb").exists():
        raise InputError(
            f"{artifact} holds no saved_model.pb; name the folder of one version, "
            f"such as {path / '1'}"
        )
    if not path.is_dir() and not (path.is_file() and path.suffix == ".onnx"):
        raise InputError(
            f"{artifact} is neither the folder of a SavedModel nor an .onnx file"
        )
    return read_manifest(artifact)


def _verify(encoder, artifact, manifest, cases, tolerance):
    inputs = {name: cases.get(_signature(name), []) for name in manifest["signatures"]}
    outputs, latencies, problem = _run(encoder, artifact, manifest, inputs)
    rows = []
    for name, batches in inputs.items():
        error = _worst(encoder, manifest["pooling"], name, batches, outputs)
        row = {
            "artifact": str(artifact),
            "endpoint": name,
            "max_error": error,
            "latency_ms": latencies.get(name),
            "bytes": _size(artifact),
            "ok": error is not None and error <= tolerance,
            "problem": problem,
        }
        rows.append(row)
    return rows


def _run(encoder, artifact, manifest, inputs):
    """Returns outputs, latencies, and a line about what kept them away or `None`."""
    problem = _mismatch(encoder, artifact, manifest)
    if problem is None:
        try:
            return *run_fresh(artifact, inputs), None
        except RuntimeError as error:
            problem = str(error)
    return {}, {}, problem


def _mismatch(encoder, artifact, manifest):
    """Returns a line about what cannot come from this export of this model."""
    changed = changed_files(artifact, manifest)
    if changed:
        return f"changed since the export: {', '.join(changed)}"
    expected, received = plain_config(encoder.preprocessing), manifest["preprocessing"]
    names = [name for name in expected if expected[name] != received.get(name)]
    if names:
        return f"the model has another preprocessing: {', '.join(names)}"
    return None


def run_fresh(artifact, inputs):
    """Returns outputs and latencies of an artifact, run by `reader.py`.

    Args:
        artifact: Folder of a SavedModel, or ONNX file.
        inputs: Dictionary from signature to a list of batches.

    Returns:
        Dictionary from `signature/number/output` to arrays; and dictionary from
        signature to milliseconds.

    Raises:
        RuntimeError: The process failed; the message is its last line.
    """
    with tempfile.TemporaryDirectory() as folder:
        stored, results = Path(folder, "in.npz"), Path(folder, "out.npz")
        np.savez(stored, **_flat(inputs))
        # -P: without the reader's folder on the path, where `verify` would be a module.
        command = [sys.executable, "-P", READER, artifact, stored, results]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(_last_line(done))
        with np.load(results) as outputs:
            return dict(outputs), json.loads(done.stdout.splitlines()[-1])


def _worst(encoder, pooling, name, batches, outputs):
    """Returns the largest error of an endpoint, or `None` if it did not run."""
    errors = [
        max_error(
            expected_outputs(encoder, pooling, _signature(name), batch),
            _received(outputs, f"{name}/{number}/"),
        )
        for number, batch in enumerate(batches if outputs else [])
    ]
    return float(np.max(errors)) if errors else None  # unlike max(), passes NaN on


def _received(outputs, prefix):
    return {
        key.removeprefix(prefix): value
        for key, value in outputs.items()
        if key.startswith(prefix)
    }


def _flat(inputs):
    return {
        f"{name}/{number}": _storable(batch)
        for name, batches in inputs.items()
        for number, batch in enumerate(batches)
    }


def _storable(batch):
    if isinstance(batch, list):
        return np.array([base64.b64encode(content) for content in batch])
    return batch


def _signature(endpoint):
    return "serving_default" if endpoint == "session" else endpoint


def _size(artifact):
    path = Path(artifact)
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _last_line(done):
    if done.returncode < 0:
        return f"the process died of signal {-done.returncode}"
    lines = done.stderr.strip().splitlines() or ["no message"]
    return lines[-1][:300]
