"""The learning rate of every step."""

import keras


def warmup_cosine(learning_rate, epochs, warmup_epochs, steps_per_epoch):
    """Returns a schedule: a linear rise from 0, then half a cosine down to 0.

    Args:
        learning_rate: Float, the peak.
        epochs, warmup_epochs: Numbers, of the whole run and of the rise.
        steps_per_epoch: Integer. The rate changes at every step.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), table 8.
    """
    warmup_steps = round(warmup_epochs * steps_per_epoch)
    decay_steps = max(1, epochs * steps_per_epoch - warmup_steps)
    if warmup_steps == 0:
        return keras.optimizers.schedules.CosineDecay(learning_rate, decay_steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps, warmup_target=learning_rate, warmup_steps=warmup_steps
    )
