"""Where a model trains: one device, all of a machine's, several machines, a TPU."""

import contextlib
import os

import tensorflow as tf

from keras_mae.models.compute import COMPILED
from keras_mae.program import InputError, unknown

from .hosts import EXAMPLE, host_from_environment

STRATEGIES = ("auto", "one", "mirrored", "multi_worker", "tpu")
ON_ONE_MACHINE = ("auto", "one", "mirrored")


def pick_strategy(name, compute="auto", replicas=None, names=STRATEGIES):
    """Returns the name of a strategy; of `"auto"` the one that fits, and prints it.

    Args:
        name: One of `names`.
        compute: How a step is computed. Several GPUs can neither do `"xla"` nor
            `"hybrid"`.
        replicas: Optional integer, the number of logical CPU devices asked for.
        names: Names that may be given, and picked.

    Raises:
        InputError: An unknown name, no replicas, or a TF_CONFIG that cannot be
            understood.
    """
    if replicas is not None and replicas < 1:
        raise InputError(f"--replicas must be at least 1; received {replicas}")
    if name not in names:
        raise unknown("strategy", name, names)
    if name != "auto":
        return name
    gpus = len(tf.config.list_physical_devices("GPU"))
    workers = host_from_environment().count if "multi_worker" in names else 1
    if workers > 1:
        picked, reason = "multi_worker", f"TF_CONFIG names {workers} workers"
    elif "tpu" in names and _tpu_is_visible():
        picked, reason = "tpu", "there is a TPU"
    elif gpus > 1 and compute in COMPILED:
        picked = "one"
        reason = f"compute={compute}; with --set compute=auto all {gpus} GPUs"
    elif gpus > 1 or (replicas or 1) > 1:
        picked = "mirrored"
        reason = f"{gpus} GPUs" if gpus else f"--replicas {replicas}"
    else:
        picked, reason = "one", "one GPU" if gpus else "CPU"
    print(f"strategy: {picked} ({reason})")
    return picked


def strategy_scope(name, batch_size, replicas=None, parts=1):
    """Returns the scope to build and compile the model in.

    Args:
        name: `"one"`, a single device; `"mirrored"`, all GPUs, or without one
            `replicas` logical CPU devices; `"multi_worker"`, the machines that
            TF_CONFIG names, with all their GPUs; `"tpu"`, the cores of a TPU. Several
            machines must be joined before TensorFlow is used.
        batch_size: Integer, the global batch; replicas share it equally.
        replicas: Optional integer, the number of logical CPU devices.
        parts: Integer, parts in which a replica computes its share.

    Raises:
        InputError: An unknown strategy, devices that are not there, or a batch that
            replicas cannot share.
    """
    if name == "one":
        return contextlib.nullcontext()
    makers = {
        "mirrored": lambda: _mirrored(replicas),
        "multi_worker": _multi_worker,
        "tpu": _tpu,
    }
    if name not in makers:
        raise unknown("strategy", name, ("one", *makers))
    strategy = makers[name]()
    count = strategy.num_replicas_in_sync
    _check_batch(batch_size, count, parts)
    print(f"training on {count} replicas, {batch_size // count} images each")
    return strategy.scope()


def is_tpu():
    """Returns whether models built here are trained on a TPU."""
    return isinstance(tf.distribute.get_strategy(), tf.distribute.TPUStrategy)


def _check_batch(batch_size, count, parts):
    if batch_size % (count * parts):
        of_parts = f" in {parts} parts each" if parts > 1 else ""
        near = max(1, round(batch_size / (count * parts))) * count * parts
        raise InputError(
            f"batch_size must be a multiple of the {count} replicas, which share it"
            f"{of_parts}; received {batch_size}, try {near}"
        )


def _mirrored(replicas):
    if tf.config.list_physical_devices("GPU"):
        return tf.distribute.MirroredStrategy(
            cross_device_ops=tf.distribute.NcclAllReduce()
        )
    devices = [cpu.name for cpu in _logical_cpus(replicas or 1)]
    # TensorFlow's default, collective ops, fails with steps_per_execution > 1 and for
    # a second strategy in the same process.
    return tf.distribute.MirroredStrategy(
        devices, cross_device_ops=tf.distribute.HierarchicalCopyAllReduce()
    )


def _logical_cpus(count):
    cpu = tf.config.list_physical_devices("CPU")[0]
    configured = tf.config.get_logical_device_configuration(cpu) or []
    if len(configured) < count:
        try:
            tf.config.set_logical_device_configuration(
                cpu, [tf.config.LogicalDeviceConfiguration()] * count
            )
        except RuntimeError as error:
            raise InputError(
                f"{count} logical CPU devices must be set up before TensorFlow is used"
            ) from error
    return tf.config.list_logical_devices("CPU")[:count]


def _multi_worker():
    if not os.environ.get("TF_CONFIG"):
        raise InputError(
            "--strategy multi_worker needs the environment variable TF_CONFIG on every "
            f"machine, such as {EXAMPLE}"
        )
    host = host_from_environment()
    print(
        f"worker {host.index + 1} of {host.count}, waiting for the others", flush=True
    )
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (RuntimeError, tf.errors.OpError) as error:
        raise InputError(
            f"the workers of TF_CONFIG cannot be joined: {_first_line(error)}"
        ) from error


def _tpu_is_visible():
    return bool(os.environ.get("TPU_NAME") or tf.config.list_physical_devices("TPU"))


def _tpu():
    name = os.environ.get("TPU_NAME", "local")
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(name)
        return tf.distribute.TPUStrategy(resolver)
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        raise InputError(
            f"--strategy tpu found no TPU named {name!r} (the environment variable "
            f"TPU_NAME tells another): {_first_line(error)}"
        ) from error


def _first_line(error):
    return " ".join(str(error).split())[:200]
