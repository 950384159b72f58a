"""Tensors by the original's names: of the golden files, and of any size."""

import numpy as np

from keras_mae.weights.pth import read_pth

from ..parity.golden import FOLDER

MAE = FOLDER / "mae.pth"
HEADS = {"num_heads": 4, "decoder_num_heads": 4}  # of `MAE`


def tensors_of(name="mae"):
    """Returns a golden file's tensors; those of a decoder last."""
    return read_pth(FOLDER / f"{name}.pth")[1]


def encoder_tensors():
    return {
        name: t
        for name, t in tensors_of().items()
        if "decoder" not in name and name != "mask_token"
    }


def random_vit(patch_size=7, dim=20, depth=1, hidden=30, channels=4, count=9):
    """Returns the original's tensors of an encoder of any size."""
    shapes = {
        "cls_token": (1, 1, dim),
        "pos_embed": (1, 1 + count, dim),
        "patch_embed.proj.weight": (dim, channels, patch_size, patch_size),
        "patch_embed.proj.bias": (dim,),
        "norm.weight": (dim,),
        "norm.bias": (dim,),
    }
    for i in range(depth):
        layers = {"attn.qkv": (3 * dim, dim), "attn.proj": (dim, dim)}
        layers |= {"mlp.fc1": (hidden, dim), "mlp.fc2": (dim, hidden)}
        layers |= {"norm1": (dim,), "norm2": (dim,)}
        for name, shape in layers.items():
            shapes[f"blocks.{i}.{name}.weight"] = shape
            shapes[f"blocks.{i}.{name}.bias"] = shape[:1]
    random = np.random.default_rng(0)
    return {name: random.normal(size=s).astype("float32") for name, s in shapes.items()}
