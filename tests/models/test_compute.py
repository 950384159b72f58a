"""Which mode a step is computed in, on which devices."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mae.models.compute import resolve_compute
from training.distribution import strategy_scope

from .steps import Line, autoencoder

ONE = tf.distribute.get_strategy()


@pytest.fixture
def gpu(monkeypatch):
    devices = [tf.config.LogicalDevice(f"/{kind}:0", kind) for kind in ("CPU", "GPU")]
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda: devices)


def ops_of_step(model):
    model.optimizer.build(model.trainable_variables)
    step = tf.function(model.train_step, autograph=False)
    graph = step.get_concrete_function((np.zeros((4, 16, 24, 3), "float32"),)).graph
    return graph.as_graph_def().library.function


def compiles_chains(model):
    return any(f.attr["_XlaMustCompile"].b for f in ops_of_step(model))


def test_auto_is_hybrid_on_a_cpu():
    assert resolve_compute("auto", ONE) == "hybrid"


def test_auto_is_xla_on_a_gpu(gpu):
    assert resolve_compute("auto", ONE) == "xla"
    model = Line()
    model.compile("sgd")
    assert model.jit_compile
    model.compile("sgd", jit_compile=False)
    assert not model.jit_compile


def test_auto_is_graph_on_several_replicas_which_cannot_be_compiled():
    with strategy_scope("mirrored", 4, replicas=2):
        strategy = tf.distribute.get_strategy()
        assert resolve_compute("auto", strategy) == "graph"
        with pytest.raises(ValueError, match="'graph' or 'auto'.*'xla' on 2 replicas"):
            resolve_compute("xla", strategy)
        model = Line()
        model.compile("sgd")
        assert not model.jit_compile


def test_a_tpu_compiles_by_itself():
    tpu = tf.distribute.TPUStrategy.__new__(tf.distribute.TPUStrategy)
    assert {resolve_compute(mode, tpu) for mode in ("auto", "xla")} == {"graph"}


def test_unknown_modes_are_errors():
    with pytest.raises(ValueError, match="auto, graph, xla, hybrid. Received: .*'jit'"):
        resolve_compute("jit", ONE)


@pytest.mark.parametrize(
    ("compute", "jit_compile", "chains"),
    [("auto", False, True), ("hybrid", False, True), ("graph", False, False)],
)
def test_hybrid_alone_compiles_chains(compute, jit_compile, chains):
    model = autoencoder()
    model.compute = compute
    model.compile(keras.optimizers.SGD(0.1))
    assert model.jit_compile == jit_compile
    assert compiles_chains(model) == chains


def test_a_step_compiled_as_a_whole_compiles_no_chains():
    model = autoencoder()
    model.compute = "xla"
    model.compile(keras.optimizers.SGD(0.1))
    assert model.jit_compile
    assert not compiles_chains(model)
