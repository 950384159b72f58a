"""Measures one system's training step, in a process of its own: see `compute.py`."""

import json
import statistics
import sys

import keras
import tensorflow as tf

from ..benchmark.ceiling import Ceiling
from ..benchmark.peers import NUM_CLASSES
from ..benchmark.steps import WARM_UP, random_images, random_labels, time_steps
from ..benchmark.worker import peak_memory
from ..classifier import build_classifier
from ..config import PretrainConfig
from ..finetune import compile_classifier
from ..finetune_config import FinetuneConfig
from ..pretrain import build_model, compile_model
from .graph_flops import graph_flops


def measure(kind, config, steps):
    """Returns what a training step of a system costs.

    Args:
        kind: `"pretrain"` or `"finetune"`.
        config: Dictionary of the configuration.
        steps: Integer, steps that are timed; 0 to count operations alone, for which
            the optimizer needs no memory.

    Returns:
        Dictionary: operations of an image's step, counted from the graph; and, if it
        is timed, seconds of a step (median, fastest and slowest), images per second,
        the share of the fastest matrix product of the same seconds, and the most memory
        that the process held.
    """
    model, config, batch = _prepared(kind, config, steps)
    specs = [tf.TensorSpec(part.shape, part.dtype) for part in batch]
    flops = _flops(model, specs) / config.batch_size
    results = {"gflop_per_image": flops / 1e9}
    if not steps:
        return results
    batch = batch if len(batch) > 1 else batch[0]
    ceiling, ceilings = Ceiling(model.encoder.compute_dtype), []
    time_steps(model, batch, WARM_UP)
    times = time_steps(model, batch, steps, lambda: ceilings.append(ceiling.measure()))
    rates = [
        flops * config.batch_size / seconds / fastest
        for seconds, fastest in zip(times, ceilings, strict=True)
    ]
    seconds = statistics.median(times)
    return {
        **results,
        "step_seconds": seconds,
        "fastest_step": min(times),
        "slowest_step": max(times),
        "images_per_second": config.batch_size / seconds,
        "share_of_ceiling": statistics.median(rates),
        "peak_memory_gb": peak_memory() / 1e9,
    }


def _flops(model, specs):
    """Returns the operations of a step on the whole batch at once, without a loop."""
    parts, model.accumulation_steps = model.accumulation_steps, 1
    try:
        step = tf.function(model.train_step, autograph=False)
        counts = graph_flops(step, specs if len(specs) > 1 else specs[0])
    finally:
        model.accumulation_steps = parts
    return sum(counts.values())


def _prepared(kind, config, steps):
    """Returns a compiled model, its configuration, and the parts of a batch."""
    keras.utils.set_random_seed(config["seed"])
    if kind == "pretrain":
        config, labels = PretrainConfig(**config), []
        model = build_model(config)
        compile_model(model, config, 1000)
    else:
        config = FinetuneConfig(**config)
        model = build_classifier(config, NUM_CLASSES)
        compile_classifier(model, config, 1000)
        labels = [random_labels(NUM_CLASSES, config.batch_size)]
    if not steps:
        model.optimizer = keras.optimizers.SGD()  # loss and metrics stay
    images = random_images(model.encoder, config.batch_size)
    return model, config, (images, *labels)


if __name__ == "__main__":
    print(json.dumps(measure(**json.loads(sys.argv[1]))))
