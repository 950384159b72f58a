"""Reads the examples of all epochs, and goes on where one of them cannot be read."""

import tensorflow as tf

MOST_NAMED = 16  # of a row of unreadable examples, how many are named


def read_epochs(epochs, references, read, source):
    """Reads the examples of one epoch after another, in parallel and in order.

    An example that cannot be read gives way to the next one that can (the last of an
    epoch to the one before), so that epochs keep their length and a run that is
    resumed sees the same batches. `source.skip` is told.

    Args:
        epochs: `tf.data.Dataset` of integers.
        references: Function from an epoch to a `tf.data.Dataset` of
            `(epoch, reference)`, as many in every epoch.
        read: Function of both that returns tensors of known shapes.
        source: `Source`. Where its examples cannot fail, nothing is watched.

    Returns:
        `tf.data.Dataset` of what `read` returns.

    Raises:
        tf.errors.InvalidArgumentError: While running, when no example of an epoch
            can be read.
    """
    dataset = epochs.flat_map(references)
    if not source.may_fail:
        return parallel_map(dataset, read)
    blank_reference = _zeros(dataset.element_spec)
    blank_example = _zeros(dataset.map(read).element_spec)

    def read_item(position, recent, is_end, reference):
        example = tf.cond(is_end, lambda: blank_example, lambda: read(*reference))
        return position, recent, is_end, example

    items = epochs.flat_map(lambda epoch: _ended(references(epoch), blank_reference))
    items = parallel_map(items, read_item).ignore_errors(log_warning=True)
    start = (tf.constant(-1, tf.int64), blank_example)
    items = items.scan(start, lambda *args: _fill_gap(*args, source.skip))
    return items.flat_map(_repeat)


def parallel_map(dataset, function):
    """Maps on all cores, keeping the order."""
    return dataset.map(
        function, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )


def _ended(references, blank):
    """Returns an epoch's items: position, the indices before, is it the end, reference.

    The end is an item of its own that is never read: gaps before it show.
    """
    items = references.map(lambda *reference: (False, reference))
    items = items.concatenate(tf.data.Dataset.from_tensors((True, blank)))
    nobody = tf.fill([MOST_NAMED], tf.constant(-1, tf.int64))
    return items.enumerate().scan(nobody, _remember)


def _remember(recent, item):
    position, (is_end, reference) = item
    _, (index, *_) = reference
    item = (position, recent, is_end, reference)
    return tf.concat([recent[1:], [index]], axis=0), item


def _fill_gap(state, item, report):
    """Returns the new state, and an example with how often it is to appear."""
    last_position, last_example = state
    position, recent, is_end, example = item
    missing = position - last_position - 1
    tf.debugging.Assert(
        ~is_end | (missing < position),
        ["no image of a whole epoch can be read; are the files still there?"],
    )
    missing = tf.cond(
        missing > 0, lambda: _report(report, recent, missing), lambda: missing
    )
    example = tf.cond(is_end, lambda: last_example, lambda: example)
    last_position = tf.where(is_end, tf.constant(-1, tf.int64), position)
    count = missing + tf.cast(~is_end, tf.int64)
    return (last_position, example), (example, count)


def _report(report, recent, missing):
    def tell(indices, missing):
        report(indices.tolist())
        return missing

    named = recent[-tf.minimum(missing, MOST_NAMED) :]
    # With an output: what returns nothing, tf.data would not run.
    told = tf.numpy_function(tell, [named, missing], tf.int64)
    return tf.ensure_shape(told, [])


def _repeat(example, count):
    return tf.data.Dataset.from_tensors(example).repeat(count)


def _zeros(specs):
    return tf.nest.map_structure(lambda spec: tf.zeros(spec.shape, spec.dtype), specs)
