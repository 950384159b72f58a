"""Times an encoder's features: Keras, SavedModel, ONNX and peers, interleaved."""

import contextlib
import dataclasses
import tempfile
from pathlib import Path

from .exports import ENCODER, EXPORT, described_by, export_ours, export_peers
from .hugging_face import hugging_face, vit_config
from .peers import check_peers
from .processes import Contestant, Worker, in_turn
from .runtime import num_cores
from .summary import Work, summarise
from .training_step import ceiling_contestant

REFERENCE = "onnx"


def time_inference(
    config,
    model,
    batch_sizes,
    threads,
    rounds,
    steps,
    peers=(),
    pythons=None,
):
    """Measures features of one encoder: exports it, then times all that was written.

    Args:
        config: A `PretrainConfig`, which tells an untrained encoder.
        model: Path of a model, or `None` for an untrained one.
        batch_sizes, threads: Integers.
        rounds: Integer, rounds that count; in each, every contestant has its turn.
        steps: Integer, batches of a turn, whose median counts.
        peers: Names, see `PEERS`.
        pythons: Dictionary of other interpreters, by library of Hugging Face.

    Returns:
        What is measured, as of `time_training`.

    Raises:
        InputError: The configuration, or a peer, cannot be used.
        RunError: A process died, or an export did not pass its gates.
    """
    check_peers("inference", peers)
    pythons, results = pythons or {}, []
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder, "encoder.keras"))
        request = {"config": dataclasses.asdict(config), "model": model, "file": file}
        described = described_by(
            Contestant("keras", f"{ENCODER}:prepare", request, num_cores())
        )
        sizes = described["sizes"]
        artifacts = export_ours(Path(folder), file)
        artifacts |= export_peers(Path(folder), file, sizes, peers, pythons)
        for number in threads:
            made = _contestants(file, artifacts, sizes, number)
            made += _eager(peers, sizes, number, pythons)
            results += _measured(made, number, batch_sizes, rounds, steps, described)
    gflop = round(described["gflop_per_image"], 3)
    return {
        "task": "inference",
        "reference": REFERENCE,
        "settings": {
            "model": model or config.preset,
            **sizes,
            "gflop_per_image": gflop,
        },
        "device": described["device"],
        "results": results,
    }


def _contestants(file, artifacts, sizes, threads):
    made = [Contestant("keras", f"{ENCODER}:features", {"file": file}, threads)]
    for name, artifact in artifacts.items():
        shape = [*sizes["image_size"], sizes["num_channels"]]
        if name == "hf_onnx":  # channels first
            shape = [shape[-1], *shape[:-1]]
        request = {"artifact": artifact, "shape": shape}
        made.append(Contestant(name, f"{EXPORT}.timed:timed", request, threads))
    return made


def _eager(peers, sizes, threads, pythons):
    precisions = {"hf_torch": "float32", "hf_torch_bf16": "mixed_bfloat16"}
    return [
        hugging_face(
            name,
            "features",
            {"config": vit_config(sizes), "precision": precisions[name]},
            threads,
            pythons,
        )
        for name in peers
        if name in precisions
    ]


def _measured(contestants, threads, batch_sizes, rounds, steps, described):
    """Returns one part of the results for each batch size."""
    flops = 1e9 * described["gflop_per_image"]
    contestants = [*contestants, ceiling_contestant("float32", threads)]
    questions = [{"steps": steps, "batch_size": size} for size in batch_sizes]
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(Worker(made)) for made in contestants]
        answers = in_turn(workers, questions, rounds, {"steps": 2})
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
