"""What a model's training steps came to."""

import tensorflow as tf


class StepWatch:
    """Counts the steps that were left out, and averages gradient norms."""

    def __init__(self):
        self._applied = _variable("applied", tf.int64)
        self._skipped = _variable("skipped", tf.int64)
        self._in_a_row = _variable("skipped_in_a_row", tf.int64)
        self._sum_of_norms = _variable("sum_of_norms", tf.float32)
        self._last_skipped = _variable("last_skipped", tf.int64, -1)

    def update(self, finite, norm, step):
        """Counts a step and its gradient's norm, in a replica context."""
        good = tf.cast(finite, tf.int64)
        self._applied.assign_add(good)
        self._skipped.assign_add(1 - good)
        self._in_a_row.assign((self._in_a_row + 1) * (1 - good))
        self._sum_of_norms.assign_add(tf.where(finite, norm, 0.0))
        step = tf.cast(step, tf.int64)
        self._last_skipped.assign(tf.where(finite, self._last_skipped, step))

    @property
    def variables(self):
        """All that is counted, scalar `tf.Variable`s; a run keeps them."""
        return (self._applied, self._skipped, self._in_a_row, self._sum_of_norms)

    def reset(self):
        """Starts counting anew; a row of steps left out goes on."""
        for variable in (self._applied, self._skipped, self._sum_of_norms):
            variable.assign(tf.zeros_like(variable))

    def end_row(self):
        """Ends a row of steps left out, as after a change of weights."""
        self._in_a_row.assign(0)

    @property
    def applied(self):
        """Steps since `reset` that were not left out."""
        return int(self._applied.numpy())

    @property
    def skipped(self):
        """Steps left out since `reset`."""
        return int(self._skipped.numpy())

    @property
    def skipped_in_a_row(self):
        """Steps left out since the last one that was not."""
        return int(self._in_a_row.numpy())

    @property
    def last_skipped(self):
        """Number, from 0, of the optimizer's step left out last; -1 if none was."""
        return int(self._last_skipped.numpy())

    @property
    def gradient_norm(self):
        """Mean norm, before clipping, of the gradients applied since `reset`, or 0."""
        return float(self._sum_of_norms.numpy()) / max(self.applied, 1)


def _variable(name, dtype, value=0):
    return tf.Variable(
        tf.constant(value, dtype),
        trainable=False,
        name=name,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )
