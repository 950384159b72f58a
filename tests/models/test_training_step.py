"""A step is the same in parts, on replicas and compiled, and it is traced once."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from .steps import (
    Line,
    autoencoder,
    batches,
    classifier,
    compiled,
    context_encoder,
    conv_classifier,
    inpainter,
    mask_tokens,
    train,
)

MODELS = [autoencoder, classifier]  # each is held to all that is asked of a step


@functools.cache
def whole(make, **optimizer):
    """Returns a model trained on whole batches on one device, and its logs."""
    model = compiled(make, optimizer=optimizer)
    return model, train(model, batches())


def assert_same(model, logs, other, other_logs, atol=1e-6):
    assert logs.keys() == other_logs.keys()
    for name, values in logs.items():
        np.testing.assert_allclose(other_logs[name], values, atol=atol, err_msg=name)
    for first, second in zip(model.weights, other.weights, strict=True):
        np.testing.assert_allclose(second, first, atol=atol, err_msg=first.path)
    norms = model.step_watch.gradient_norm, other.step_watch.gradient_norm
    assert norms[1] == pytest.approx(norms[0], rel=1e-5)


WAYS = [
    ("one", 2, {}),
    ("one", 2, {"jit_compile": True}),
    ("one", 1, {"streams": 2}),
    ("one", 2, {"streams": 2}),
    ("one", 1, {"streams": 2, "compute": "graph"}),
    ("one", 1, {"remat": True}),
    ("one", 2, {"remat": True, "streams": 2, "compute": "graph"}),
    ("one", 1, {"remat": True, "jit_compile": True}),
    ("mirrored", 1, {"remat": True}),
    ("mirrored", 1, {}),
    ("mirrored", 2, {"steps_per_execution": 2}),
]
# Each way is taken fast by one model, and by the other where minutes are given.
FAST = [(MODELS[index % 2], *way) for index, way in enumerate(WAYS)]
SLOW = [(MODELS[1 - index % 2], *way) for index, way in enumerate(WAYS)]


@pytest.mark.parametrize(
    ("make", "strategy", "parts", "kwargs"),
    [*FAST, *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW)],
)
def test_parts_and_replicas_equal_the_whole_batch(make, strategy, parts, kwargs):
    other = compiled(make, strategy, parts, **kwargs)
    assert_same(*whole(make), other, train(other, batches()))


@pytest.mark.parametrize("clipping", [None, "global_clipnorm"])
@pytest.mark.parametrize(
    ("parts", "steps_per_execution"),
    [(1, 2), (2, 1), *(pytest.param(n, n, marks=pytest.mark.slow) for n in (1, 2))],
)
def test_replicas_equal_one_device(parts, steps_per_execution, clipping):
    clip = {clipping: 0.01} if clipping else {}
    execution = {"steps_per_execution": steps_per_execution}
    other = compiled(Line, "mirrored", parts, clip, **execution)
    model, logs = whole(Line, **clip)
    assert logs.keys() == {"accuracy", "loss"}
    assert_same(model, logs, other, train(other, batches()))


@pytest.mark.parametrize("clipping", ["global_clipnorm", "clipnorm", "clipvalue"])
@pytest.mark.parametrize(
    ("strategy", "parts", "kwargs"),
    [
        ("one", 2, {}),
        ("mirrored", 2, {"steps_per_execution": 2}),
    ],
)
def test_clipping_is_that_of_the_whole_batch(clipping, strategy, parts, kwargs):
    clip = {clipping: 0.01}
    other = compiled(Line, strategy, parts, clip, **kwargs)
    assert_same(*whole(Line, **clip), other, train(other, batches()))
    free, _ = whole(Line)
    moved = np.abs(np.array(free.weights[0]) - np.array(other.weights[0]))
    assert moved.max() > 1e-3  # or there was nothing to clip


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (autoencoder, 2),
        pytest.param(context_encoder, 2, marks=pytest.mark.slow),
        pytest.param(classifier, 2, marks=pytest.mark.slow),
        pytest.param(mask_tokens, 2, marks=pytest.mark.slow),
        pytest.param(conv_classifier, 2, marks=pytest.mark.slow),
        # Its norms need the whole batch at once.
        pytest.param(inpainter, 1, marks=pytest.mark.slow),
    ],
)
def test_xla_compiles_the_whole_step_with_static_shapes(make, parts):
    check_compiled_as_on_a_tpu(make, parts)


@pytest.mark.slow
def test_xla_compiles_the_whole_step_in_half_precision():
    hlo = check_compiled_as_on_a_tpu(lambda: autoencoder(dtype="mixed_bfloat16"), 2)
    assert "bf16[" in hlo


def check_compiled_as_on_a_tpu(make, parts):
    """Returns a whole step as XLA takes it, where `compute` is what a TPU resolves."""
    optimizer = {"global_clipnorm": 1.0}
    model = compiled(make, parts=parts, optimizer=optimizer, compute="graph")
    model.optimizer.build(model.trainable_variables)
    step = tf.function(model.train_step, jit_compile=True)
    images, labels = next(iter(batches()))
    assert images.shape.is_fully_defined()
    hlo = step.experimental_get_compiler_ir((images, labels))()
    assert "HloModule" in hlo
    assert "<=" not in hlo  # as in f32[<=4,3]: a bound instead of a size
    assert np.isfinite(step((images, labels))["loss"])
    assert int(model.optimizer.iterations) == 1
    return hlo


def products_in_a_row(model):
    """Returns the longest chain of matrix products that wait for each other."""
    model.optimizer.build(model.trainable_variables)
    step = tf.function(model.train_step, autograph=False)
    graph = step.get_concrete_function(next(iter(batches()))).graph

    @functools.cache
    def length(op):
        before = [tensor.op for tensor in op.inputs] + list(op.control_inputs)
        return max(map(length, before), default=0) + (op.type == "MatMul")

    return max(map(length, graph.get_operations()))


def test_streams_do_not_wait_for_each_other():
    alone, streams = (compiled(Line, streams=count) for count in (1, 2))
    assert products_in_a_row(streams) == products_in_a_row(alone)


def test_a_test_in_streams_is_that_of_the_whole_batch():
    data = batches().take(2)
    alone, streams = compiled(classifier), compiled(classifier, streams=2)
    expected = alone.evaluate(data, verbose=0, return_dict=True)
    assert expected == pytest.approx(
        streams.evaluate(data, verbose=0, return_dict=True)
    )
    uneven = tf.data.Dataset.from_tensor_slices((np.ones((3, 16, 24, 3)), [0, 1, 2]))
    assert np.isfinite(streams.evaluate(uneven.batch(3), verbose=0)[0])


@pytest.mark.parametrize("make", [*MODELS, Line, inpainter])
def test_a_step_is_traced_once(make, monkeypatch):
    model, calls = compiled(make), []
    part = model._part
    monkeypatch.setattr(model, "_part", lambda *args: calls.append(1) or part(*args))
    logs = train(model, batches(), steps=1)
    assert len(calls) == 1
    assert logs.keys() == train(model, batches(), steps=1).keys()
    assert len(calls) == 1


def test_a_data_set_that_does_not_tell_its_shapes():
    def generate():
        yield np.ones((4, 16, 24, 3), "float32"), np.arange(4) % 3

    spec = (tf.TensorSpec(None), tf.TensorSpec((None,), "int64"))
    data = tf.data.Dataset.from_generator(generate, output_signature=spec)
    logs = train(compiled(Line), data, steps=1)
    assert logs.keys() == {"accuracy", "loss"}


def test_parts_of_a_batch_without_labels():
    model = compiled(autoencoder, parts=2, streams=2)
    images = np.zeros((4, 16, 24, 3), "float32")
    assert np.isfinite(model.train_on_batch(images))  # hands over None for labels


def test_a_batch_without_weights():
    model = compiled(classifier)
    images, labels = next(iter(batches()))
    loss, accuracy = model.train_on_batch(images.numpy(), labels.numpy())
    assert np.isfinite(loss)
    assert 0 <= accuracy <= 1


def test_parts_must_divide_a_batch():
    model = compiled(Line, parts=3)
    with pytest.raises(ValueError, match="Received: 3 parts of 4 images"):
        train(model, batches())


def test_accumulation_of_keras_is_refused_on_replicas():
    model = compiled(Line, "mirrored", optimizer={"gradient_accumulation_steps": 2})
    with pytest.raises(ValueError, match="set `model.accumulation_steps` instead"):
        train(model, batches())
