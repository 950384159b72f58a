"""What is made of an encoder before it is timed, by `export` and by peers."""

import os
import subprocess
import sys

from keras_mae.program import RunError

from .hugging_face import hugging_face, vit_config
from .processes import Contestant, Worker, say
from .runtime import num_cores

ENCODER = f"{__package__}.encoder"
EXPORT = __package__.replace("training.benchmark", "export")  # named, never imported
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


def described_by(contestant):
    """Returns what a contestant that measures nothing says of itself."""
    with Worker(contestant) as worker:
        return worker.description


def export_ours(folder, file):
    """Lets the programs of `export` write an encoder; returns the paths by name.

    Args:
        folder: `Path` that they are written into.
        file: Path of the encoder.

    Raises:
        RunError: A program failed; the message is the last line that it wrote.
    """
    made = {}
    for name, (program, output, arguments) in ARTIFACTS.items():
        say(f"exporting {name}")
        target = folder / output
        # A SavedModel's program is given the folder of all versions.
        given = target.parent if program == "to_saved_model" else target
        _export(program, "--model", file, "--output", given, *arguments)
        made[name] = str(target)
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


def export_peers(folder, file, sizes, peers, pythons):
    """Lets peers write what they make of the encoder; returns the paths by name.

    Args:
        folder, file: As of `export_ours`.
        sizes: Dictionary of the encoder's sizes.
        peers: Names of peers, of which some export.
        pythons: As of `time_training`.
    """
    files = {}
    if "plain" in peers:
        files["plain"] = str(folder / "plain.onnx")
        request = {"file": file, "output": files["plain"]}
        made = Contestant(
            "plain", f"{ENCODER}:plain_onnx", request, num_cores(), None, CONVERTER
        )
        described_by(made)
    if "hf_onnx" in peers:
        files["hf_onnx"] = str(folder / "hf.onnx")
        request = {"config": vit_config(sizes), "file": files["hf_onnx"]}
        described_by(
            hugging_face("hf_onnx", "export_onnx", request, num_cores(), pythons)
        )
    return files
