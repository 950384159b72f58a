"""Partial fine-tuning: the last blocks are trained, what lies below stays as it is."""

import re

from keras_mae.layers import MapEncoder
from keras_mae.program import InputError
from keras_mae.weights.rows import named_variables

ALL = "all"
HALF = ("norm2", "mlp")  # half a block is its MLP (He et al., 2022, figure 9)


def train_last_blocks(model, trainable_blocks):
    """Freezes all of a classifier but its last blocks and what comes after them.

    Args:
        model: A `ViTClassifier`, or a `ConvClassifier`, whose blocks are convolutions.
        trainable_blocks: String: `"all"`, embeddings too; or a number of blocks, a
            multiple of 0.5. Half a block is its MLP; 0 is linear probing. The norm
            after the blocks and the head are always trained.

    Raises:
        InputError: Neither, more blocks than there are, or half a convolution.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), section 4.3.
    """
    if trainable_blocks == ALL:
        return
    halves = _halves(trainable_blocks, model.encoder.depth)
    if halves % 2 and isinstance(model.encoder, MapEncoder):
        raise InputError(
            "a convolution has no half: trainable_blocks must be a whole number of "
            f"them; received {trainable_blocks}"
        )
    for name, variable in named_variables(model).items():
        variable.trainable = variable.trainable and _is_trained(
            name, model.encoder.depth, halves
        )


def _halves(trainable_blocks, depth):
    """Returns how many half blocks are trained."""
    try:
        halves = 2 * float(trainable_blocks)
    except ValueError:
        halves = -1
    if not 0 <= halves <= 2 * depth or halves % 1:
        raise InputError(
            f"trainable_blocks must be {ALL!r} or a number of blocks, 0 to {depth}, "
            f"such as 0.5 or 4; received {trainable_blocks!r}"
        )
    return int(halves)


def _is_trained(name, depth, halves):
    if match := re.fullmatch(r"blocks\.(\d+)\.(\w+)\..+", name):
        below_top = 2 * (depth - 1 - int(match[1]))  # half blocks above this one
        return halves > below_top + (0 if match[2] in HALF else 1)
    if match := re.match(r"encoder/\w+_(\d+)/", name):  # of a convolution
        return halves > 2 * (depth - 1 - int(match[1]))
    return re.match(r"(?:\w+/)?(?:norm|fc_norm|head)\W", name) is not None
