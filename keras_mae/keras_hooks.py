"""What Keras has no public way for: its private names that are used, all of them.

`FitHooks` replaces methods of models, `UpdateHooks` those of optimizers; functions ask
for the rest. Written for Keras 3.15 (setup.py: keras>=3.15,<3.16) on TensorFlow 2.20
and 2.21. With another Keras, tests/test_keras_hooks.py says whether these names are
still there, and the tests of optimizers, replicas and workers whether they still do
what they did.
"""

import contextlib

import keras
import tensorflow as tf


@contextlib.contextmanager
def handing_over_sums(optimizer):
    """An optimizer takes gradients inside as the sums over replicas that they are.

    Keras adds gradients up after it has clipped them, replica by replica. Who adds them
    up before must stop Keras from doing it again: `_all_reduce_sum_gradients`.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # of loss scaling
    inner._all_reduce_sum_gradients = lambda gradients_and_variables: (
        gradients_and_variables
    )
    try:
        yield
    finally:
        # Replicas are traced in turns: another one may have been here.
        inner.__dict__.pop("_all_reduce_sum_gradients", None)


def step_counter(model):
    """Returns the variable that counts the steps of a compiled model's optimizer."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    # `iterations` stands still within Keras' gradient accumulation; this does not.
    return optimizer._iterations


def moments_of(adam, place):
    """Returns first and second moment of the variable at a place, see `place_of`.

    `update_step` is handed a variable's gradient alone.
    """
    return adam._momentums[place], adam._velocities[place]


class UpdateHooks:
    """Lets `update_step` of an optimizer do all that is done to a variable.

    To stand before an `Optimizer` of Keras. It adds neither variables nor settings:
    what was saved without it can be loaded with it.
    """

    def shared(self, learning_rate):
        """Returns what every `update_step` is handed as its `learning_rate`."""
        return learning_rate

    def place_of(self, variable):
        """Returns a variable's place among those that the optimizer was built for."""
        return self._get_variable_index(variable)

    def may_decay(self, variable):
        """Returns whether `exclude_from_weight_decay` does not name a variable."""
        return self._use_weight_decay(variable)

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        """Keras has no place for what is computed once a step for all variables.

        A dozen scalar ops for each of them were more than a quarter of a step's graph.
        """
        shared = self.shared(learning_rate)
        super()._backend_update_step(grads, trainable_variables, shared)

    def _apply_weight_decay(self, variables):
        """Does nothing, where Keras decays before it updates, all variables alike.

        `update_step` decays: `AdamW` while the variable is at hand, each by its own
        rate; `LARS` through trust ratio and momentum.
        """


class FitHooks:
    """Lets `fit` run on several workers, compile where it pays, trace a step once.

    A model adds `compiles_whole_step()`: whether XLA is to compile the whole step where
    `compile` was not told.
    """

    def _resolve_auto_jit_compile(self):
        """Keras compiles wherever it can, which on a CPU is slow."""
        return self.compiles_whole_step()

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Keras reduces the first batch over workers, which fails on its values.

        Without a strategy, it makes the variables of metrics in the graph of a step,
        which TensorFlow then traces twice.
        """
        if self._distribute_strategy is None:
            if iterator is not None:
                data_batch = iterator._get_iterator().element_spec
            self._build_metrics(data_batch)
            return
        if iterator is not None and self._has_workers:
            local = self.distribute_strategy.experimental_local_results
            iterator.reset()  # of a test before, it is at its end
            _, _, batches = next(iter(iterator))
            data_batch = keras.tree.map_structure(
                lambda values: local(values)[0], next(batches)
            )
            iterator = None
        super()._maybe_symbolic_build(iterator=iterator, data_batch=data_batch)

    def _make_function(self, step_function):
        """Keras averages scalars over a batch axis, and loops around collectives."""
        if not self._has_workers:
            return super()._make_function(step_function)
        strategy, steps = self.distribute_strategy, self.steps_per_execution
        # The batches of an epoch are a multiple of these steps; those of a test need
        # not be.
        unrolled, calls = (steps, 1) if step_function == self.train_step else (1, steps)

        def one_step(data):
            logs = strategy.run(step_function, args=(data,))
            return keras.tree.map_structure(
                lambda value: tf.reduce_mean(
                    tf.stack(strategy.experimental_local_results(value)), axis=0
                ),
                logs,
            )

        @tf.function(reduce_retracing=True, autograph=False)
        def several_steps(iterator):
            for _ in range(unrolled):
                logs = one_step(iterator.get_next())
            return logs

        def function(iterator):
            logs = None
            try:
                for _ in range(calls):
                    logs = several_steps(iterator)
            except tf.errors.OutOfRangeError:
                if logs is None:
                    raise StopIteration from None
            return logs

        return function

    def _build_metrics(self, data_batch):
        """Makes what `compile` was told of, as far as it does not exist yet."""
        parts = (self._compile_metrics, self._compile_loss)
        unbuilt = [part for part in parts if part is not None and not part.built]
        if not unbuilt or not _ranks_are_known(data_batch):
            return
        x, y, _ = keras.utils.unpack_x_y_sample_weight(
            keras.tree.map_structure(_symbol, data_batch)
        )
        y_pred = self.compute_output_spec(x)
        for part in unbuilt:
            part.build(y, y_pred)

    @property
    def _has_workers(self):
        return isinstance(
            self.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy
        )


def _symbol(spec):
    if spec is None:  # as `train_on_batch` hands over for what there is not
        return None
    return keras.KerasTensor(spec.shape, keras.backend.standardize_dtype(spec.dtype))


def _ranks_are_known(data_batch):
    """Whether a data set tells its shapes, as one of a bare generator does not."""
    specs = [spec for spec in keras.tree.flatten(data_batch) if spec is not None]
    return all(tf.TensorShape(spec.shape).rank is not None for spec in specs)
