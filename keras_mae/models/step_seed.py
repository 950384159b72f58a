"""Seeds of a training step that survive a restart."""

import tensorflow as tf

from ..keras_hooks import step_counter
from ..layers.draws import fold_in

MASKS, STOCHASTIC_DEPTH, CORRUPTION = 0, 1, 2  # what a seed is for
_EVALUATION = -1  # takes the place of the step outside training


def step_seed(model, purpose, training):
    """Returns a seed, int32 `(2,)`, for `tf.random.stateless_*`.

    It depends on nothing but the model's `seed`, the optimizer's step and the purpose.
    So a run resumed from a checkpoint goes on as it would have, and
    `steps_per_execution` changes nothing. Outside training there is no step: every call
    draws the same, so that evaluations compare. That every image of the whole batch has
    draws of its own, on whichever replica, is the business of who draws
    (`layers/draws.py`).

    Args:
        model: A `keras.Model` with an integer `seed`.
        purpose: Integer, `MASKS`, `STOCHASTIC_DEPTH` or `CORRUPTION`.
        training: Boolean.

    Raises:
        ValueError: In training, the model is not compiled, so there is no step.
    """
    seed = tf.constant([model.seed, purpose], tf.int32)
    step = _step(model) if training else _EVALUATION
    return fold_in(seed, tf.cast(step, tf.int32))


def _step(model):
    if getattr(model, "optimizer", None) is None:
        raise ValueError(
            "What is random in training follows the optimizer's step: call "
            "`compile(optimizer=...)` before `training=True`, or pass your own `noise`."
        )
    return tf.convert_to_tensor(step_counter(model))
