"""Where a number first became infinite or not a number: asked after the fact."""

import contextlib

import keras
import tensorflow as tf

from keras_mae.keras_hooks import step_counter
from keras_mae.layers.draws import part_of_batch

from .hosts import ALONE


def first_nonfinite(model, batch, step, parts=1, host=ALONE):
    """Says where a step of the model, of this batch, first was not finite.

    The step is computed once more, without compilation, part after part, by the
    weights that the model has now: if it was the last one, which left them alone,
    those it had.

    Args:
        model: A compiled model that left the step out.
        batch: What the step was trained on, this host's rows.
        step: Integer, the optimizer's step, from 0: it tells what was drawn.
        parts: Integer, in how many parts replicas and accumulation computed it.
        host: The `Host`.

    Returns:
        A clause for a message.
    """
    counter, own = step_counter(model), parts // host.count
    steps = int(counter.numpy())
    counter.assign(step)
    try:
        for index in range(own):
            with part_of_batch(host.index * own + index, parts):
                found = _of_part(model, _rows(batch, index, own))
            if found:
                return found
    finally:
        counter.assign(steps)
    if host.count > 1:
        return f"the share of worker {host.index + 1} is finite"
    return "computed once more, without compilation, all of it is finite"


def _of_part(model, batch):
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    if not _is_finite([x, y, sample_weight]):
        return "the batch itself is not finite"
    with tf.GradientTape() as tape, _watched_layers() as broken:
        y_pred = model(x, training=True)
        loss = model.compute_loss(x, y, y_pred, sample_weight, training=True)
        scaled = model.optimizer.scale_loss(loss)
    if broken:
        return f"it began in the layer {broken[0]}"
    if not _is_finite(scaled):
        return "it began in the loss"
    variables = model.trainable_variables
    gradients = tape.gradient(scaled, [variable.value for variable in variables])
    # Backwards, the last layers come first.
    for variable, gradient in zip(variables[::-1], gradients[::-1], strict=True):
        if not _is_finite(gradient):
            return f"it began in the gradient of {variable.path}"
    return None


@contextlib.contextmanager
def _watched_layers():
    """Collects the paths of layers whose results are not finite, in order."""
    call, broken = keras.layers.Layer.__call__, []

    def watched(layer, *args, **kwargs):
        results = call(layer, *args, **kwargs)
        if not _is_finite(results):
            broken.append(layer.path or layer.name)
        return results

    keras.layers.Layer.__call__ = watched
    try:
        yield broken
    finally:
        keras.layers.Layer.__call__ = call


def _is_finite(tensors):
    floats = [
        tensor
        for tensor in map(
            tf.convert_to_tensor, filter(_is_some, keras.tree.flatten(tensors))
        )
        if tensor.dtype.is_floating
    ]
    return all(bool(tf.reduce_all(tf.math.is_finite(tensor))) for tensor in floats)


def _is_some(value):
    return value is not None


def _rows(batch, index, parts):
    def share(rows):
        size = rows.shape[0] // parts
        return rows[index * size : (index + 1) * size]

    return keras.tree.map_structure(share, batch)
