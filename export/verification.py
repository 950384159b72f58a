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

from .cases import add_files, expected_outputs, make_cases
from .manifest import (
    changed_files,
    data_path,
    manifest_path,
    plain_config,
    read_manifest,
)
from .nearness import MIN_COSINE, max_error, min_cosine
from .onnx_cases import expected_of, make_images
from .outputs import choose_outputs
from .resized import resized

READER = Path(__file__).with_name("reader.py")
# What is needed of a manifest; of a SavedModel's, `limits`, too.
NEEDED = ("files", "signatures", "preprocessing")
NEEDED += ("outputs", "pooling", "class_names", "top")


def verify_artifacts(model, artifacts, images=(), tolerance=1e-4):
    """Runs every signature of every artifact and compares it with Keras.

    Args:
        model: The model that the artifacts were made from. One in mixed precision is
            compared in float32, as it was exported.
        artifacts: Folders of SavedModel versions and ONNX files.
        images: JPEG and PNG files to compare on, besides random pictures.
        tolerance: Float. Largest difference that passes: absolute, but relative
            to the largest value where that exceeds 1. Quantized files pass by their
            cosine instead, as when they were written.

    Returns:
        List of dictionaries, one for each artifact and endpoint (a signature, or
        `session` of an ONNX file): `artifact`, `endpoint`, `max_error`,
        `min_cosine` (of quantized files, otherwise `None`), `latency_ms` (one image,
        median), `bytes` on disk, `ok`, and `problem`, `None` or a line about what is
        wrong.

    Raises:
        InputError: There is no such artifact, it has no manifest or one that tells too
            little, the model does not have its outputs, or an image cannot be read.
    """
    manifests = [_checked_manifest(artifact) for artifact in artifacts]
    rows = []
    for artifact, manifest in zip(artifacts, manifests, strict=True):
        outputs = _outputs_of(model, manifest)
        cases = _cases(outputs, manifest, images)
        rows += _verify(outputs, artifact, manifest, cases, tolerance)
    return rows


def _outputs_of(model, manifest):
    chosen = {name: manifest[name] for name in ("pooling", "class_names", "top")}
    image_size = tuple(manifest["preprocessing"]["image_size"])
    if manifest.get("resized") and image_size != encoder_of(model).image_size:
        model = resized(model, image_size)
    return choose_outputs(model, manifest["outputs"], **chosen)


def _cases(outputs, manifest, images):
    if "session" in manifest["signatures"]:
        pixels = manifest["signatures"]["session"]["inputs"]["images"]
        batches = make_images(outputs, pixels["dtype"] == "uint8", images)
        return {"session": [{"images": batch} for batch in batches]}
    cases = make_cases(outputs, max_batch=manifest["limits"]["max_batch"])
    add_files(cases, outputs.encoder.preprocessing, images)
    return cases


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
    manifest = read_manifest(artifact)
    _check_complete(manifest, (*NEEDED, "limits") if path.is_dir() else NEEDED, path)
    return manifest


def _check_complete(manifest, needed, artifact):
    if not set(needed) <= set(manifest):
        raise InputError(
            f"{manifest_path(artifact)} must tell {', '.join(needed)}. Received: "
            f"{', '.join(manifest)}. Another version of keras_mae wrote it: export the "
            "model again"
        )


def _verify(outputs, artifact, manifest, cases, tolerance):
    inputs = {name: cases.get(name, []) for name in manifest["signatures"]}
    results, latencies, problem = _run(outputs.encoder, artifact, manifest, inputs)
    rows = []
    for name, batches in inputs.items():
        pairs = _pairs(outputs, name, batches if results else [], results)
        error, cosine = _worst(max_error, np.max, pairs), None
        ok = error is not None and error <= tolerance
        if manifest.get("quantization"):
            cosine = _worst(min_cosine, np.min, pairs)
            ok = cosine is not None and cosine >= MIN_COSINE
        row = {
            "artifact": str(artifact),
            "endpoint": name,
            "max_error": error,
            "min_cosine": cosine,
            "latency_ms": latencies.get(f"{name}/0"),
            "bytes": _size(artifact),
            "ok": ok,
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


def run_fresh(artifact, inputs, threads=None):
    """Returns outputs and latencies of an artifact, run by `reader.py`.

    Args:
        artifact: Folder of a SavedModel, or ONNX file.
        inputs: Dictionary from signature to a list of batches, as of `make_cases`.
        threads: `None` to time the first batch of each signature only; or the threads
            of one operation, 0 for the runtime's choice, to time every batch.

    Returns:
        Dictionary from `signature/number/output` to arrays; and dictionary from
        `signature/number` to milliseconds.

    Raises:
        RuntimeError: The process failed; the message is its last line.
    """
    with tempfile.TemporaryDirectory() as folder:
        stored, results = Path(folder, "in.npz"), Path(folder, "out.npz")
        np.savez(stored, **_flat(inputs))
        # -P: without the reader's folder on the path, where `verify` would be a module.
        command = [sys.executable, "-P", READER, artifact, stored, results]
        command += [] if threads is None else [str(threads)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(_last_line(done))
        with np.load(results) as outputs:
            return dict(outputs), json.loads(done.stdout.splitlines()[-1])


def _pairs(outputs, name, batches, results):
    """Returns what Keras and the artifact made of each batch of an endpoint."""
    return [
        (_expected(outputs, name, batch), _received(results, f"{name}/{number}/"))
        for number, batch in enumerate(batches)
    ]


def _expected(outputs, name, batch):
    if name == "session":
        return expected_of(outputs, batch["images"])
    return expected_outputs(outputs, name, batch)


def _worst(measure, worst, pairs):
    """Returns the worst measure of all pairs, or `None` if there are none."""
    # Unlike max(), NumPy passes NaN on.
    return float(worst([measure(*pair) for pair in pairs])) if pairs else None


def _received(results, prefix):
    return {
        key.removeprefix(prefix): value
        for key, value in results.items()
        if key.startswith(prefix)
    }


def _flat(inputs):
    return {
        f"{name}/{number}/{key}": _storable(value)
        for name, batches in inputs.items()
        for number, batch in enumerate(batches)
        for key, value in batch.items()
    }


def _storable(value):
    if isinstance(value, list):
        return np.array([base64.b64encode(content) for content in value])
    return value


def _size(artifact):
    path = Path(artifact)
    files = path.rglob("*") if path.is_dir() else [path, data_path(path)]
    return sum(file.stat().st_size for file in files if file.is_file())


def _last_line(done):
    if done.returncode < 0:
        return f"the process died of signal {-done.returncode}"
    lines = done.stderr.strip().splitlines() or ["no message"]
    return lines[-1][:300]
