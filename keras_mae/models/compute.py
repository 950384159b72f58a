"""How a training step is computed: one switch, chosen by device."""

import tensorflow as tf

MODES = ("auto", "graph", "xla", "hybrid")
COMPILED = ("xla", "hybrid")  # which need one replica


def resolve_compute(mode, strategy):
    """Returns the mode in which steps are computed.

    Args:
        mode: `"graph"`, TensorFlow's own operations; `"xla"`, the whole step compiled;
            `"hybrid"`, matrix products as operations, the elementwise chains around
            them compiled, which is fastest on a CPU, and products of bfloat16 in
            float32 where the CPU multiplies that faster; `"auto"`: hybrid on a CPU, XLA
            on a GPU, graph on several replicas, whose variables XLA cannot reach. A TPU
            compiles everything by itself: there, all are graph.
        strategy: The `tf.distribute.Strategy` of the model.

    Raises:
        ValueError: An unknown mode, or one that several replicas cannot use.
    """
    if mode not in MODES:
        raise ValueError(
            f"`compute` must be one of {', '.join(MODES)}. Received: compute={mode!r}"
        )
    if isinstance(strategy, tf.distribute.TPUStrategy):
        return "graph"
    replicas = strategy.num_replicas_in_sync
    if mode == "auto":
        if replicas > 1:
            return "graph"
        devices = {device.device_type for device in tf.config.list_logical_devices()}
        return "hybrid" if devices == {"CPU"} else "xla"
    if mode in COMPILED and replicas > 1:
        raise ValueError(
            f"`compute` must be 'graph' or 'auto' on several replicas, whose variables "
            f"XLA cannot reach. Received: compute={mode!r} on {replicas} replicas"
        )
    return mode


def mode_of(model):
    """Returns the mode of a compiled model: `jit_compile` has the last word."""
    if model.jit_compile:
        return "xla"
    mode = resolve_compute(model.compute, model.distribute_strategy)
    return "graph" if mode == "xla" else mode
