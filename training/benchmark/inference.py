"""Times an encoder's features: Keras, SavedModel, ONNX and peers, interleaved."""

import contextlib
import dataclasses
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from keras_mae.program import RunError

from .peers import check_peers, hugging_face
from .processes import Contestant, Worker, in_turn
from .runtime import num_cores
from .summary import Work, summarise
from .training_step import ceiling_contestant

ENCODER = f"{__package__}.encoder"
EXPORT = __package__.replace("training.benchmark", "export")  # named, never imported
REFERENCE = "onnx"
# Name: program, what it writes, and its arguments.
ARTIFACTS = {
    "saved_model": ("to_saved_model", "float32/1", []),
    "saved_model_bfloat16": (
        "to_saved_model",
        "bfloat16/1",
        ["--precision", "bfloat16"],
    ),
    "onnx": ("to_onnx", "float32.onnx", []),
    "onnx_int8": ("to_onnx", "int8.onnx", ["--quantize", "int8"]),
}
CONVERTER = "pip install 'keras-mae[export]'"


def time_inference(
    config,
    model,
    batch_sizes,
    threads,
    rounds,
    steps,
    peers=(),
    python=None,
    tell=print,
):
    """Measures features of one encoder: exports it, then times all that was written.

    Args:
        config: A `PretrainConfig`, which tells an untrained encoder.
        model: Path of a model, or `None` for an untrained one.
        batch_sizes, threads: Integers.
        rounds: Integer, rounds that count; in each, every contestant has its turn.
        steps: Integer, batches of a turn, whose median counts.
        peers: Names, see `PEERS`.
        python: Path of another interpreter for torch's peers, or `None`.
        tell: Function of a line, called where something begins.

    Returns:
        What is measured, as of `time_training`.

    Raises:
        InputError: The configuration, or a peer, cannot be used.
        RunError: A process died, or an export did not pass its gates.
    """
    check_peers("inference", peers)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        file = str(folder / "encoder.keras")
        request = {"config": dataclasses.asdict(config), "model": model, "file": file}
        cores = num_cores()
        described = _described(
            Contestant("keras", f"{ENCODER}:prepare", request, cores)
        )
        artifacts = _artifacts(folder, file, tell)
        files = _files_of_peers(folder, file, described["sizes"], peers, python, tell)
        artifacts += [(name, output) for name, output in files.items()]
        results = []
        for number in threads:
            made = _contestants(file, artifacts, described["sizes"], number)
            made += _eager(peers, described["sizes"], number, python)
            results += _measured(
                made, number, batch_sizes, rounds, steps, described, tell
            )
    return {
        "task": "inference",
        "reference": REFERENCE,
        "settings": {
            "model": model or config.preset,
            **described["sizes"],
            "gflop_per_image": round(described["gflop_per_image"], 3),
        },
        "device": described["device"],
        "results": results,
    }


def _described(contestant):
    """Returns what a contestant that measures nothing says of itself."""
    with Worker(contestant) as worker:
        return worker.description


def _artifacts(folder, file, tell):
    """Exports the encoder; returns pairs of a name and a path."""
    made = []
    for name, (program, output, arguments) in ARTIFACTS.items():
        tell(f"exporting {name}")
        target = folder / output
        # A SavedModel's program is given the folder of all versions.
        given = target.parent if program == "to_saved_model" else target
        _export(program, "--model", file, "--output", given, *arguments)
        made.append((name, str(target)))
    return made


def _export(program, *arguments):
    command = [sys.executable, "-m", f"{EXPORT}.{program}", *arguments]
    done = subprocess.run(
        [*command, "--outputs", "features"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RunError(f"export.{program} ended with status {done.returncode}: {last}")


def _files_of_peers(folder, file, sizes, peers, python, tell):
    """Lets peers export; returns the files by name."""
    files = {}
    if "plain" in peers:
        files["plain"] = str(folder / "plain.onnx")
        request = {"file": file, "output": files["plain"]}
        made = Contestant(
            "plain", f"{ENCODER}:plain_onnx", request, num_cores(), None, CONVERTER
        )
        tell("exporting plain")
        _described(made)
    if "hf_onnx" in peers:
        files["hf_onnx"] = str(folder / "hf.onnx")
        request = {"sizes": sizes, "file": files["hf_onnx"]}
        tell("exporting hf_onnx")
        _described(hugging_face("hf_onnx", "export_onnx", request, num_cores(), python))
    return files


def _contestants(file, artifacts, sizes, threads):
    made = [Contestant("keras", f"{ENCODER}:features", {"file": file}, threads)]
    for name, artifact in artifacts:
        shape = [*sizes["image_size"], sizes["num_channels"]]
        if name == "hf_onnx":  # channels first
            shape = [shape[-1], *shape[:-1]]
        request = {"artifact": artifact, "shape": shape}
        made.append(Contestant(name, f"{EXPORT}.timed:timed", request, threads))
    return made


def _eager(peers, sizes, threads, python):
    precisions = {"hf_torch": "float32", "hf_torch_bf16": "mixed_bfloat16"}
    return [
        hugging_face(
            name,
            "features",
            {"sizes": sizes, "precision": precisions[name]},
            threads,
            python,
        )
        for name in peers
        if name in precisions
    ]


def _measured(contestants, threads, batch_sizes, rounds, steps, described, tell):
    """Returns one part of the results for each batch size."""
    flops = 1e9 * described["gflop_per_image"]
    contestants = [*contestants, ceiling_contestant("float32", threads)]
    questions = [{"steps": steps, "batch_size": size} for size in batch_sizes]
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(Worker(made)) for made in contestants]
        answers = in_turn(workers, questions, rounds, {"steps": 2}, tell)
        return [
            {
                "threads": threads,
                "batch_size": size,
                "contestants": summarise(
                    workers,
                    found,
                    [Work(size, flops)] * (len(workers) - 1),
                    REFERENCE,
                ),
            }
            for size, found in zip(batch_sizes, answers, strict=True)
        ]
