"""Runs transformers' model in each folder; a program of its own, without TensorFlow.

PyTorch and TensorFlow in one process break each other.

    python transformers_reader.py FOLDER...

Each holds `hf/` and `inputs.npz` (`images`, NCHW, and perhaps `noise`); gets
`outputs.npz` and `info.json`, the names that were missing or too many.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers


def run(folder):
    config = json.loads((folder / "hf" / "config.json").read_text())
    (name,) = config["architectures"]
    options = {"add_pooling_layer": False} if name == "ViTModel" else {}
    model, info = getattr(transformers, name).from_pretrained(
        folder / "hf", output_loading_info=True, **options
    )
    with np.load(folder / "inputs.npz") as arrays, torch.no_grad():
        inputs = {key: torch.tensor(array) for key, array in arrays.items()}
        outputs = model.eval()(inputs.pop("images"), **inputs)
    arrays = {key: value.numpy() for key, value in outputs.items()}
    np.savez(folder / "outputs.npz", **arrays)
    listed = {key: sorted(map(str, names)) for key, names in info.items()}
    (folder / "info.json").write_text(json.dumps(listed))


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        run(Path(argument))
