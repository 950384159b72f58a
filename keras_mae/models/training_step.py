"""One training step of every model: accumulation, replicas, and steps left out."""

import keras
import tensorflow as tf

from ..layers import compiled_chains
from ..layers.draws import part_of_batch
from .keras_hooks import FitHooks, handing_over_sums
from .step_seed import step_counter


class TrainingStep(FitHooks):
    """Makes a step of `fit` the same, however it is computed; to stand before `Model`.

    - `model.accumulation_steps = k`, set before `fit`, computes a batch in `k` equal
      parts one after another, to need less memory. Random numbers are those of the
      whole batch, and so are gradients and loss.
    - Replicas add up their gradients before the optimizer sees them, so that
      `clipnorm`, `global_clipnorm` and `clipvalue` mean the whole batch's gradient.
    - Where loss or gradient is not finite, weights and optimizer stay as they are, and
      the optimizer's step counts on. `model.step_watch` tells how often.

    Attributes:
        accumulation_steps: Integer, a divisor of a replica's batch. Where it is not 1,
            the model must be built before `fit`.
        step_watch: A `StepWatch`.
    """

    accumulation_steps = 1

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.step_watch = StepWatch()

    def train_step(self, data):
        _check_accumulation(self.optimizer)
        with compiled_chains(self):
            loss, gradients = self._loss_and_gradients(data)
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)
        loss, *gradients = _sum_over_replicas([loss, *gradients])
        norm = tf.linalg.global_norm(gradients) / self.optimizer.scale_loss(1.0)
        finite = tf.math.is_finite(loss) & tf.math.is_finite(norm)
        self._apply(finite, loss, gradients)
        self.step_watch.update(finite, norm)
        for metric in self.metrics:
            if metric.name == "loss":
                _update_mean(metric, finite, loss)
        return self.get_metrics_result()

    def _loss_and_gradients(self, data):
        """Returns this replica's share of the loss, and its (scaled) gradients."""
        count = self.accumulation_steps
        if count == 1:
            return self._part(data)
        parts = keras.tree.map_structure(lambda rows: _split(rows, count), data)

        def add(index, *sums):
            part = keras.tree.map_structure(lambda rows: rows[index], parts)
            with part_of_batch(index, count):
                loss, gradients = self._part(part)
            added = [
                old + new / count
                for old, new in zip(sums, [loss, *gradients], strict=True)
            ]
            return index + 1, *added

        zeros = [tf.zeros(v.shape, v.dtype) for v in self.trainable_variables]
        _, loss, *gradients = tf.while_loop(
            lambda index, *sums: index < count,
            add,
            (tf.constant(0), tf.constant(0.0), *zeros),
            parallel_iterations=1,  # or all parts would be in memory at once
            maximum_iterations=count,
        )
        return loss, gradients

    def _part(self, data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(
                x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True
            )
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(
            scaled,
            [variable.value for variable in self.trainable_variables],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        self.compute_metrics(x, y, y_pred, sample_weight)
        return loss, [tf.convert_to_tensor(gradient) for gradient in gradients]

    def _apply(self, finite, loss, gradients):
        """Applies the gradients if they are finite; the step counts in any case."""
        counter, optimizer = step_counter(self), self.optimizer

        def apply(gradients):
            with handing_over_sums(optimizer):
                optimizer.apply_gradients(
                    zip(gradients, self.trainable_variables, strict=True)
                )

        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            # It leaves steps out by itself, and scales less; it sees gradients alone.
            apply([gradients[0] + loss * 0, *gradients[1:]])
            counter.assign_add(tf.cast(~finite, counter.dtype))
        else:
            _either(finite, apply, lambda: counter.assign_add(1), gradients)


class StepWatch:
    """Counts the steps that were left out, and averages gradient norms."""

    def __init__(self):
        self._applied = _variable("applied", tf.int64)
        self._skipped = _variable("skipped", tf.int64)
        self._in_a_row = _variable("skipped_in_a_row", tf.int64)
        self._sum_of_norms = _variable("sum_of_norms", tf.float32)

    def update(self, finite, norm):
        """Counts a step and its gradient's norm, in a replica context."""
        good = tf.cast(finite, tf.int64)
        self._applied.assign_add(good)
        self._skipped.assign_add(1 - good)
        self._in_a_row.assign((self._in_a_row + 1) * (1 - good))
        self._sum_of_norms.assign_add(tf.where(finite, norm, 0.0))

    @property
    def variables(self):
        """All that is counted, scalar `tf.Variable`s."""
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
    def gradient_norm(self):
        """Mean norm, before clipping, of the gradients applied since `reset`, or 0."""
        return float(self._sum_of_norms.numpy()) / max(self.applied, 1)


def _variable(name, dtype):
    return tf.Variable(
        tf.zeros((), dtype),
        trainable=False,
        name=name,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )


def _sum_over_replicas(tensors):
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return tensors
    return context.all_reduce(tf.distribute.ReduceOp.SUM, tensors)


def _either(condition, apply, otherwise, tensors):
    """Calls `apply(tensors)` if the condition holds, which all replicas agree on."""
    context = tf.distribute.get_replica_context()
    strategy = context.strategy
    if strategy.num_replicas_in_sync == 1 or isinstance(
        strategy, tf.distribute.TPUStrategy
    ):
        tf.cond(condition, lambda: _none(apply(tensors)), lambda: _none(otherwise()))
        return

    def decide_once(strategy, conditions, tensors):
        tf.cond(
            strategy.experimental_local_results(conditions)[0],
            lambda: _none(strategy.run(apply, args=(tensors,))),
            lambda: _none(strategy.run(otherwise)),
        )

    # An optimizer brings replicas together, which it cannot do inside a `cond` of each.
    context.merge_call(decide_once, args=(condition, tensors))


def _none(result):
    """Returns nothing: the branches of a `cond` must return the same."""
    del result


def _update_mean(metric, finite, loss):
    weight = tf.cast(finite, tf.float32)
    metric.update_state(tf.where(finite, loss, 0.0), sample_weight=weight)


def _split(rows, count):
    size = rows.shape[0]
    if size is not None and size % count:
        raise ValueError(
            "`accumulation_steps` must divide the batch of a replica. "
            f"Received: accumulation_steps={count} with {size} images"
        )
    size = tf.shape(rows)[0] if size is None else size
    return tf.reshape(rows, (count, size // count, *rows.shape[1:]))


def _check_accumulation(optimizer):
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if inner.gradient_accumulation_steps and replicas > 1:
        raise ValueError(
            "`gradient_accumulation_steps` of Keras' optimizers does not work on "
            "several replicas; set `model.accumulation_steps` instead. Received: "
            f"{inner.gradient_accumulation_steps} with {replicas} replicas"
        )
