"""The golden arrays, and how the original's names and layouts map to ours."""

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent


def golden(name):
    """Returns the arrays of one file as a dictionary."""
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return dict(arrays)


def original_name(weight):
    """Returns the original's name of one of our weights."""
    parts = weight.path.split("/")
    prefix = ""
    if "encoder" in parts:
        parts = parts[parts.index("encoder") + 1 :]
    elif "decoder" in parts:
        parts, prefix = parts[parts.index("decoder") + 1 :], "decoder_"
    else:
        parts = parts[1:]
    name = ".".join(parts).replace("blocks_", f"{prefix}blocks.")
    name = name.replace("positions.pos_embed", f"{prefix}pos_embed")
    for ours, theirs in {"kernel": "weight", "gamma": "weight", "beta": "bias"}.items():
        name = name.replace(ours, theirs)
    return name


def to_keras(name, array):
    """Returns one of the original's arrays in our layout."""
    if name == "patch_embed.proj.weight":
        return array.transpose(2, 3, 1, 0).reshape(-1, len(array))
    return array.T if array.ndim == 2 else array


def assign(model, arrays):
    """Gives a model the original's weights; every one is used exactly once."""
    weights = {original_name(weight): weight for weight in model.weights}
    assert {f"weight/{name}" for name in weights} == {
        name for name in arrays if name.startswith("weight/")
    }
    for name, weight in weights.items():
        weight.assign(to_keras(name, arrays[f"weight/{name}"]))
