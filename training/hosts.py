"""Which of the processes that train together this one is, and what all of them know."""

import contextlib
import functools
import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_mae.program import InputError, RunError

from .checkpoint import Saved, newest_checkpoint

EXAMPLE = (
    '{"cluster": {"worker": ["host1:12345", "host2:12345"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
TYPES = ("chief", "worker")


class Host(NamedTuple):
    """A process that trains, one a machine.

    Attributes:
        index: Integer, from 0.
        count: Integer, how many there are.
    """

    index: int = 0
    count: int = 1

    @property
    def is_chief(self):
        """Whether it is this one that writes what a run is to leave once."""
        return self.index == 0

    def folder(self, workdir):
        """Returns the host's own folder: the run's, or one inside it for the others."""
        workdir = Path(workdir)
        return workdir if self.is_chief else workdir / f"worker_{self.index}"


ALONE = Host()


def host_of(strategy):
    """Returns this `Host` under a `tf.distribute.Strategy`."""
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return host_from_environment()
    return ALONE


def host_from_environment():
    """Returns the `Host` that the environment variable TF_CONFIG names; without, alone.

    Raises:
        InputError: It cannot be understood.
    """
    text = os.environ.get("TF_CONFIG")
    if not text:
        return ALONE
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        _check_cluster(cluster)
        sizes = {kind: len(cluster.get(kind, ())) for kind in TYPES}
        places = [(kind, n) for kind in TYPES for n in range(sizes[kind])]
        return Host(places.index((task["type"], int(task["index"]))), len(places))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"TF_CONFIG must name all workers and which of them this is, such as "
            f"{EXAMPLE}; received {text[:300]} ({type(error).__name__}: {error})"
        ) from error


def of_all_hosts(strategy, *integers):
    """Returns integers of every host, int64 array `(hosts, n)`; all must ask at once.

    Args:
        strategy: The `tf.distribute.Strategy`.
        *integers: This host's.
    """
    row, host = np.array([integers], "int64"), host_of(strategy)
    if host.count == 1:
        return row
    rows = _gathering(strategy)(row).numpy()  # one of every replica
    return rows[:: len(rows) // host.count]


def agreed_checkpoint(strategy, workdir):
    """Returns the newest checkpoint that all hosts have intact, each its own.

    Hosts that were killed may be one epoch apart.

    Args:
        strategy: The `tf.distribute.Strategy`.
        workdir: Path of the run; see `Host.folder`.
    """
    folder, saved = host_of(strategy).folder(workdir), None
    while True:
        saved = newest_checkpoint(folder, at_most=saved)
        places = of_all_hosts(strategy, *saved[:2]).tolist()
        oldest = Saved(*min(places))
        if max(places) == list(oldest[:2]):
            return saved
        saved = oldest


def share_of_replicas(strategy, dataset, batch_size):
    """Returns the batches that `fit` and `evaluate` take: of every replica its share.

    Args:
        strategy: The `tf.distribute.Strategy`.
        dataset: `tf.data.Dataset` of this host's rows of every batch.
        batch_size: Integer, over all hosts.
    """
    if host_of(strategy).count == 1:
        return dataset  # Keras hands its rows out
    rows = batch_size // strategy.num_replicas_in_sync
    dataset = dataset.rebatch(rows, drop_remainder=True)
    return strategy.distribute_datasets_from_function(lambda context: dataset)


@contextlib.contextmanager
def telling_of_lost_workers():
    """Ends a run with one line where another of its workers is gone.

    Raises:
        RunError: TensorFlow met no answer from a worker.
    """
    try:
        yield
    except tf.errors.OpError as error:
        message = " ".join(str(error).split())
        if "Collective ops is aborted by:" not in message:
            raise
        reason = message.partition("aborted by: ")[2][:150]
        raise RunError(
            f"another worker is gone ({reason}). Start all of them again with the same "
            "command: they go on from the newest checkpoint that all have"
        ) from error


@functools.cache
def _gathering(strategy):
    """Returns the function that stacks an array of every replica, compiled once."""

    @tf.function
    def gather(row):
        return strategy.gather(strategy.run(lambda: tf.identity(row)), axis=0)

    return gather


def _check_cluster(cluster):
    if unknown := set(cluster) - set(TYPES):
        raise ValueError(f"{', '.join(sorted(unknown))} take no part here")
    addresses = [address for kind in cluster.values() for address in kind]
    if len(set(addresses)) < len(addresses):
        raise ValueError("the same address twice")
