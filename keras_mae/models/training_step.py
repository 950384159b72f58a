"""One training step of every model: parts, replicas, and steps left out."""

import keras
import tensorflow as tf

from ..keras_hooks import FitHooks, handing_over_sums, step_counter
from ..layers import compiled_chains, rematerialised_blocks
from ..layers.draws import part_of_batch
from .compute import mode_of, resolve_compute
from .step_watch import StepWatch


class TrainingStep(FitHooks):
    """Makes a step of `fit` the same, however it is computed; to stand before `Model`.

    - `model.accumulation_steps = k`, set before `fit`, computes a batch in `k` equal
      parts one after another, to need less memory; `model.streams = s` computes `s`
      parts side by side, each of them on its own cores of a CPU. Random numbers are
      those of the whole batch, and so are gradients and loss.
    - `model.remat = True`, set before `fit`, keeps of every Transformer block its input
      alone and computes the block once more for its gradients (Chen et al., 2016): a
      fraction of the memory for a forward pass more; the numbers are the same.
    - Replicas add up their gradients before the optimizer sees them, so that
      `clipnorm`, `global_clipnorm` and `clipvalue` mean the whole batch's gradient.
    - Where loss or gradient is not finite, weights and optimizer stay as they are, and
      the optimizer's step counts on. `model.step_watch` tells how often.

    Attributes:
        compute: `"auto"`, `"graph"`, `"hybrid"` or `"xla"`, see `resolve_compute`; to
            be set before `compile`, whose `jit_compile=True` is `"xla"`.
        accumulation_steps, streams: Integers, whose product divides a replica's batch.
            Where they are not 1, the model must be built before `fit`. Streams are
            faster than one if each operation keeps to the cores of its stream:
            `tf.config.threading.set_intra_op_parallelism_threads(cores // streams)`,
            before TensorFlow does anything. XLA has none.
        remat: Boolean.
        step_watch: A `StepWatch`.
    """

    compute = "auto"
    accumulation_steps = 1
    streams = 1
    remat = False

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.step_watch = StepWatch()

    def compiles_whole_step(self):
        """Returns whether `compute` has XLA compile a step as a whole."""
        return resolve_compute(self.compute, self.distribute_strategy) == "xla"

    def make_train_function(self, force=False):
        """Keras' own, after the optimizer has its variables.

        Variables made in the graph of a step would have TensorFlow trace it twice,
        which takes a quarter of a minute for a ViT-B.
        """
        if self.built and not self.optimizer.built:
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)
        super().make_train_function(force)

    def train_step(self, data):
        _check_accumulation(self.optimizer)
        hybrid = mode_of(self) == "hybrid"
        with compiled_chains(hybrid), rematerialised_blocks(self.remat):
            loss, gradients = self._loss_and_gradients(data)
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)
        loss, *gradients = _sum_over_replicas([loss, *gradients])
        norm = tf.linalg.global_norm(gradients) / self.optimizer.scale_loss(1.0)
        finite = tf.math.is_finite(loss) & tf.math.is_finite(norm)
        step = tf.identity(step_counter(self))
        self._apply(finite, loss, gradients)
        self.step_watch.update(finite, norm, step)
        for metric in self.metrics:
            if metric.name == "loss":
                _update_mean(metric, finite, loss)
        return self.get_metrics_result()

    def test_step(self, data):
        """Keras' own; streams share a batch whose size is known and fits."""
        streams, size = self._streams(), keras.tree.flatten(data)[0].shape[0]
        if streams == 1 or size is None or size % streams:
            return super().test_step(data)
        parts = _split(data, streams)
        for index in range(streams):
            with part_of_batch(index, streams):
                logs = super().test_step(_rows(parts, index))
        return logs

    def _streams(self):
        return 1 if self.jit_compile else self.streams

    def _loss_and_gradients(self, data):
        """Returns this replica's share of the loss, and its (scaled) gradients."""
        turns, streams = self.accumulation_steps, self._streams()
        if turns * streams == 1:
            return self._part(data)
        parts = _split(data, turns * streams)
        if turns == 1:
            return self._side_by_side(parts, 0)

        def add(turn, *sums):
            loss, gradients = self._side_by_side(parts, turn * streams)
            added = zip(sums, [loss, *gradients], strict=True)
            return turn + 1, *(old + new for old, new in added)

        zeros = [tf.zeros(v.shape, v.dtype) for v in self.trainable_variables]
        _, loss, *gradients = tf.while_loop(
            lambda turn, *sums: turn < turns,
            add,
            (tf.constant(0), tf.constant(0.0), *zeros),
            parallel_iterations=1,  # or all parts would be in memory at once
            maximum_iterations=turns,
        )
        return loss, gradients

    def _side_by_side(self, parts, first):
        """Returns loss and gradients of as many parts as there are streams, added up.

        Nothing in one part waits for another, so that TensorFlow computes them at once.
        """
        streams, results = self._streams(), []
        count = self.accumulation_steps * streams
        for index in range(streams):
            with part_of_batch(first + index, count):
                results.append(self._part(_rows(parts, first + index), count))
        losses, gradients = zip(*results, strict=True)
        return tf.add_n(losses), [tf.add_n(g) for g in zip(*gradients, strict=True)]

    def _part(self, data, count=1):
        """Returns the loss and the gradients of a part, its share of all `count`."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(
                x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True
            )
            loss /= count  # gradients need no pass of their own
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


def _split(data, count):
    """Returns a batch's parts: of each tensor `(count, images, ...)`."""
    return _each(lambda rows: _split_rows(rows, count), data)


def _rows(parts, index):
    """Returns one of the parts of a batch."""
    return _each(lambda rows: rows[index], parts)


def _each(function, data):
    # `train_on_batch` hands over `None` for labels and weights that there are not.
    return keras.tree.map_structure(
        lambda rows: None if rows is None else function(rows), data
    )


def _split_rows(rows, count):
    size = rows.shape[0]
    if size is not None and size % count:
        raise ValueError(
            "`accumulation_steps` times `streams` must divide the batch of a replica. "
            f"Received: {count} parts of {size} images"
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
