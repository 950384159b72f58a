"""How a run computes its steps: mode, precision, parts of a batch, threads."""

import os

import tensorflow as tf

from keras_mae.layers import ViTEncoder, bfloat16_pays
from keras_mae.models.compute import mode_of
from keras_mae.program import InputError

from .distribution import is_tpu

WHOLE = "context_encoder_inpainter"  # the system that judges a batch as a whole
ROWS = 8  # images that a stream should have
BFLOAT16_GPU = (8, 0)  # compute capability of the first GPUs that multiply bfloat16


def dtype_policy(precision):
    """Returns the dtype policy that `"auto"` stands for, others as they are.

    To be asked where the model is built, in the scope of its strategy.
    """
    if precision != "auto":
        return precision
    half = is_tpu() or _gpus_multiply_bfloat16()
    return "mixed_bfloat16" if half else "float32"


def choose_streams(config, strategy):
    """Returns how many parts of a batch are computed side by side; gives them cores.

    Two streams on half the cores each beat operations on all cores, whose threads wait
    for each other in every one of them. TensorFlow's threads can be shared out before
    it does anything; afterwards, `streams=None` is 1.

    Args:
        config: A `RunConfig`.
        strategy: Name of the strategy, see `strategy_scope`.

    Raises:
        InputError: More streams than the run can have.
    """
    cores, asked = len(os.sched_getaffinity(0)), config.streams
    if asked is None:
        rows = config.batch_size / config.accumulation_steps
        fits = rows % 2 == 0 and rows >= 2 * ROWS and not _obstacle(config, strategy)
        return 2 if cores > 1 and fits and _threads_are(cores // 2) else 1
    if asked > 1:
        _check(config, strategy)
        _threads_are(max(1, cores // asked))
    return asked


def set_compute(model, config, streams=1):
    """Lets a model compute as a `RunConfig` says; to be called before `compile`.

    Says so where a CPU gains no time by bfloat16.

    Raises:
        InputError: `remat` of a model without Transformer blocks.
    """
    if config.remat and not isinstance(model.encoder, ViTEncoder):
        raise InputError(
            "remat must be false: it is of Transformer blocks, which a "
            f"{type(model).__name__} does not have"
        )
    model.compute = config.compute
    model.accumulation_steps = config.accumulation_steps
    model.streams = streams
    model.remat = config.remat
    half, hybrid = model.compute_dtype == "bfloat16", mode_of(model) == "hybrid"
    if half and hybrid and not bfloat16_pays():
        print("bfloat16: products in float32, which this CPU multiplies faster")


def _gpus_multiply_bfloat16():
    gpus = tf.config.list_physical_devices("GPU")
    details = map(tf.config.experimental.get_device_details, gpus)
    found = [each.get("compute_capability", (0, 0)) for each in details]
    return bool(found) and min(found) >= BFLOAT16_GPU


def _threads_are(count):
    """Gives every operation so many threads; returns whether that still worked."""
    try:
        tf.config.threading.set_intra_op_parallelism_threads(count)
    except RuntimeError:  # TensorFlow is at work
        return False
    return True


def _obstacle(config, strategy):
    """Returns why a run cannot have streams, or `None`."""
    if strategy != "one":
        return f"--strategy {strategy} shares a batch out already"
    if config.compute == "xla":
        return "compute=xla computes one operation after another"
    if tf.config.list_physical_devices("GPU"):
        return "they share the cores of a CPU, and there is a GPU"
    if getattr(config, "system", None) == WHOLE:
        return f"the system {WHOLE} judges a batch as a whole"
    return None


def _check(config, strategy):
    reason = _obstacle(config, strategy)
    if reason:
        raise InputError(f"streams must be 1, or none: {reason}")
    parts = config.streams * config.accumulation_steps
    if config.batch_size % parts:
        raise InputError(
            f"streams times accumulation_steps must divide batch_size, "
            f"{config.batch_size}; received {config.streams} times "
            f"{config.accumulation_steps}"
        )
