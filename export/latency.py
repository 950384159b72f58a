"""Program that times artifacts, for several batch sizes and numbers of threads."""

import argparse
import json
import statistics

import numpy as np

from keras_mae.program import InputError, one_line_errors

from .manifest import read_manifest
from .verification import run_fresh

EPILOG = """
example:
  python -m export.latency served/vit/1 vit.onnx vit.int8.onnx --batch_size 1 8 \\
      --threads 1 2
"""


def measure_latency(artifact, batch_sizes=(1, 8), threads=0):
    """Returns the median milliseconds of noise images, a batch of each size.

    Args:
        artifact: Folder of a SavedModel's version, or ONNX file.
        batch_sizes: Integers.
        threads: Integer, of one operation; 0 for the runtime's choice.

    Returns:
        List of floats, one for each batch size.

    Raises:
        InputError: The artifact has no manifest, or does not take images alone.
        RuntimeError: It does not run; the message is the last line that it wrote.
    """
    signatures = read_manifest(artifact)["signatures"]
    name = next((n for n in ("session", "serving_default") if n in signatures), None)
    if name is None:
        raise InputError(f"{artifact} has no signature that takes images alone")
    spec = signatures[name]["inputs"]["images"]
    batches = [{"images": _noise(spec, size)} for size in batch_sizes]
    _, latencies = run_fresh(artifact, {name: batches}, threads)
    return [latencies[f"{name}/{number}"] for number in range(len(batches))]


def make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m export.latency",
        description="Times artifacts, each in a fresh process, on normalised images "
        "(pixels where an ONNX file takes those): the median of up to 20 runs. "
        "Rounds alternate between the artifacts, so that a busy minute meets them all; "
        "printed are the least and the largest median.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "artifacts",
        nargs="+",
        metavar="ARTIFACT",
        help="folder of a SavedModel's version, or .onnx file",
    )
    parser.add_argument("--batch_size", nargs="+", type=int, default=[1, 8])
    parser.add_argument(
        "--threads",
        nargs="+",
        type=int,
        default=[0],
        help="threads of one operation (default: 0, the runtime's choice)",
    )
    parser.add_argument("--rounds", type=int, default=3)
    return parser


def main(argv=None):
    args = make_parser().parse_args(argv)
    with one_line_errors():
        for name, least in (("batch_size", 1), ("threads", 0), ("rounds", 1)):
            _check(name, np.ravel(getattr(args, name)), least)
        rows = _measure(args)
    for row in rows:
        low, high = min(row["latency_ms"]), max(row["latency_ms"])
        print(
            f"{row['artifact']}  threads {row['threads']}  batch {row['batch_size']}  "
            f"{low:.1f} to {high:.1f} ms"
        )
    print(json.dumps({"results": rows}))


def _measure(args):
    medians = {}
    for _ in range(args.rounds):
        for threads in args.threads:
            for artifact in args.artifacts:
                times = measure_latency(artifact, args.batch_size, threads)
                for size, time in zip(args.batch_size, times, strict=True):
                    medians.setdefault((artifact, threads, size), []).append(time)
    return [
        {
            "artifact": artifact,
            "threads": threads,
            "batch_size": size,
            "latency_ms": times,
            "median_ms": statistics.median(times),
        }
        for (artifact, threads, size), times in medians.items()
    ]


def _noise(spec, size):
    rng, shape = np.random.default_rng(0), (size, *spec["shape"][1:])
    if spec["dtype"] == "uint8":
        return rng.integers(0, 256, shape).astype("uint8")
    return rng.normal(size=shape).astype("float32")


def _check(name, values, least):
    if min(values) < least:
        raise InputError(f"--{name} must be at least {least}. Received: {min(values)}")


if __name__ == "__main__":
    main()
