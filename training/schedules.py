"""The learning rate of every step."""

import keras

from keras_mae.program import InputError


def warmup_cosine(
    learning_rate, epochs, warmup_epochs, steps_per_epoch, min_learning_rate=0.0
):
    """Returns a schedule: a linear rise from 0, then half a cosine down.

    Args:
        learning_rate: Float, the peak.
        epochs, warmup_epochs: Numbers, of the whole run and of the rise.
        steps_per_epoch: Integer. The rate changes at every step.
        min_learning_rate: Float, the rate at the end.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), table 8.
    """
    warmup_steps = round(warmup_epochs * steps_per_epoch)
    decay_steps = max(1, epochs * steps_per_epoch - warmup_steps)
    alpha = min_learning_rate / learning_rate if learning_rate else 0.0
    if warmup_steps == 0:
        return keras.optimizers.schedules.CosineDecay(learning_rate, decay_steps, alpha)
    return keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps, alpha, warmup_target=learning_rate, warmup_steps=warmup_steps
    )


def check_warmup(config):
    """Raises an `InputError` where the warm-up does not fit into the epochs."""
    if not 0 <= config.warmup_epochs <= config.epochs:
        raise InputError(
            f"warmup_epochs must be 0 to {config.epochs}, the epochs of the run; "
            f"received {config.warmup_epochs}, set both"
        )
