"""Requests made from what a SavedModel says of itself, for every signature it has."""

import math

import numpy as np
import tensorflow as tf

from ..cases import smooth_pictures
from ..manifest import read_manifest


def list_signatures(path):
    """Returns the signatures in the manifest of one version, by name."""
    return read_manifest(path)["signatures"]


def example_inputs(path, signature, batch_size, rng=None):
    """Returns the inputs of a request that the signature takes.

    Args:
        path: Folder of one version, with its manifest.
        signature: Name of the signature.
        batch_size: Integer. Images in the request.
        rng: NumPy generator of random pictures; `None` for plain grey ones.

    Returns:
        Dictionary of arrays. Where the size is free, pictures are larger than the
        model's, so that they are resized. Inputs that are no pictures are zero.
    """
    manifest = read_manifest(path)
    config = manifest["preprocessing"]
    return {
        name: _example(name, info, batch_size, config, rng)
        for name, info in manifest["signatures"][signature]["inputs"].items()
    }


def _example(name, info, batch_size, config, rng):
    dtype, shape = info["dtype"], (batch_size, *info["shape"][1:])
    size = [side + math.ceil(side / 8) for side in config["image_size"]]
    if dtype == "string":
        pixels = _pixels(rng, (batch_size, *size, config["num_channels"]))
        return np.array([_encoded(*item) for item in enumerate(pixels)], object)
    if len(shape) != 4:  # such as a mask that hides nothing
        return np.zeros(shape, dtype)
    if dtype == "uint8":
        return _pixels(rng, (batch_size, *size, shape[-1]))
    normal = np.zeros(shape) if rng is None else rng.normal(size=shape)
    return normal.astype(dtype)


def _pixels(rng, shape):
    if rng is None:
        return np.full(shape, 127, "uint8")
    return smooth_pictures(rng, shape[0], shape[1:3], shape[-1])


def _encoded(index, pixels):
    """JPEG and PNG in turns; JPEG has no alpha."""
    if index % 2 or pixels.shape[-1] == 4:
        return tf.io.encode_png(pixels).numpy()
    return tf.io.encode_jpeg(pixels).numpy()
