"""Seeds of a training step that differ between replicas and survive a restart."""

import tensorflow as tf

MASKS, STOCHASTIC_DEPTH = 0, 1  # what a seed is for
_EVALUATION = -1  # takes the place of the step outside training


def step_seed(model, purpose, training):
    """Returns a seed, int32 `(2,)`, for `tf.random.stateless_*`.

    It depends on nothing but the model's `seed`, the optimizer's step, the replica and
    the purpose. So replicas differ, a run resumed from a checkpoint goes on as
    it would have, and `steps_per_execution` changes nothing. Outside training
    there is no step: every call draws the same, so that evaluations compare.

    Args:
        model: A `keras.Model` with an integer `seed`.
        purpose: Integer, `MASKS` or `STOCHASTIC_DEPTH`.
        training: Boolean.

    Raises:
        ValueError: In training, the model is not compiled, so there is no step.
    """
    fold_in = tf.random.experimental.stateless_fold_in
    seed = tf.constant([model.seed, purpose], tf.int32)
    context = tf.distribute.get_replica_context()
    replica = 0 if context is None else context.replica_id_in_sync_group
    step = _step(model) if training else _EVALUATION
    return fold_in(fold_in(seed, tf.cast(step, tf.int32)), tf.cast(replica, tf.int32))


def _step(model):
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        raise ValueError(
            "What is random in training follows the optimizer's step: call "
            "`compile(optimizer=...)` before `training=True`, or pass your own `noise`."
        )
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of loss scaling
    # `iterations` stands still within a gradient accumulation; this does not.
    return tf.convert_to_tensor(optimizer._iterations)
