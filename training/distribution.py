"""Where a model trains: one device, or all of this machine's."""

import contextlib

import tensorflow as tf

from keras_mae.program import InputError, unknown

STRATEGIES = ("one", "mirrored")


def strategy_scope(name, batch_size, replicas=None):
    """Returns the scope to build and compile the model in.

    Args:
        name: `"one"`, a single device; or `"mirrored"`, all GPUs, or without one
            `replicas` logical CPU devices.
        batch_size: Integer, the global batch; replicas share it equally.
        replicas: Optional integer, the number of logical CPU devices.

    Raises:
        InputError: An unknown strategy, or a batch that replicas cannot share.
    """
    if name not in STRATEGIES:
        raise unknown("strategy", name, STRATEGIES)
    if name == "one":
        return contextlib.nullcontext()
    strategy = _mirrored(replicas)
    count = strategy.num_replicas_in_sync
    if batch_size % count:
        raise InputError(
            f"batch_size must be a multiple of the {count} replicas, which share it; "
            f"received {batch_size}, try {max(1, round(batch_size / count)) * count}"
        )
    print(f"training on {count} replicas, {batch_size // count} images each")
    return strategy.scope()


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
