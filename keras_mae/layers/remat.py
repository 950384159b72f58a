"""Blocks of which a training step keeps the input alone.

A block holds a dozen times its input until its backward pass. With rematerialisation
it is computed once more there instead: less memory, for one forward pass more
([Chen et al., 2016](https://arxiv.org/abs/1604.06174)).
"""

import contextvars

import keras

from .tracing import holding

_WANTED = contextvars.ContextVar("rematerialising", default=False)


def rematerialised_blocks(wanted=True):
    """Keeps of blocks that are traced inside their input alone, if wanted."""
    return holding(_WANTED, wanted)


def rematerialised(block):
    """Returns a function of tokens that is computed anew for its gradient, if wanted.

    Args:
        block: Function of tokens. What else it depends on has no gradient through it,
            the variables of its layers apart, and is the same the second time: random
            numbers come from a seed.
    """
    return keras.remat(block) if _WANTED.get() else block
