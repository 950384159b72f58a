import json

import numpy as np
import pytest
import tensorflow as tf

from keras_mae.program import InputError, RunError
from training.checkpoint import Saved
from training.hosts import (
    Host,
    agreed_checkpoint,
    host_from_environment,
    host_of,
    of_all_hosts,
    share_of_replicas,
    telling_of_lost_workers,
)

WORKERS = ["first:1", "second:1"]


def tf_config(monkeypatch, cluster=None, index=0, kind="worker"):
    cluster = {"worker": WORKERS} if cluster is None else cluster
    config = {"cluster": cluster, "task": {"type": kind, "index": index}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))


def test_without_tf_config_a_host_is_alone(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert host_from_environment() == Host(0, 1)
    assert host_from_environment().is_chief


def test_tf_config_names_the_host(monkeypatch):
    tf_config(monkeypatch, index=1)
    assert host_from_environment() == Host(1, 2)
    assert not host_from_environment().is_chief


def test_a_chief_comes_before_the_workers(monkeypatch):
    cluster = {"worker": WORKERS, "chief": ["zeroth:1"]}
    tf_config(monkeypatch, cluster, kind="chief")
    assert host_from_environment() == Host(0, 3)
    tf_config(monkeypatch, cluster, index=1)
    assert host_from_environment() == Host(2, 3)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ('{"cluster": {"worker": ["a:1"]}}', "KeyError: 'task'"),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
            r"\('worker', 1\) is not in",
        ),
        (
            '{"cluster": {"worker": ["a:1", "a:1"]}, '
            '"task": {"type": "worker", "index": 1}}',
            "the same address twice",
        ),
        (
            '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, '
            '"task": {"type": "worker", "index": 0}}',
            "ps take no part here",
        ),
    ],
)
def test_a_tf_config_that_cannot_be_understood_is_told(monkeypatch, text, reason):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match=f"TF_CONFIG must name all workers.*{reason}"):
        host_from_environment()


def test_only_the_first_host_writes_into_the_folder_of_the_run(tmp_path):
    assert Host(0, 2).folder(tmp_path) == tmp_path
    assert Host(1, 2).folder(str(tmp_path)) == tmp_path / "worker_1"


def test_other_strategies_know_no_hosts(monkeypatch):
    tf_config(monkeypatch, index=1)
    strategy = tf.distribute.get_strategy()
    assert host_of(strategy) == Host(0, 1)
    np.testing.assert_array_equal(of_all_hosts(strategy, 3, 4), [[3, 4]])
    dataset = tf.data.Dataset.range(4)
    assert share_of_replicas(strategy, dataset, 2) is dataset


def test_hosts_go_on_from_the_newest_checkpoint_that_all_have(monkeypatch):
    mine = {None: Saved(5), Saved(4): Saved(3), Saved(3): Saved(3)}
    others = iter([[4, 0], [3, 0]])  # another host has 4 and 3
    monkeypatch.setattr(
        "training.hosts.newest_checkpoint", lambda folder, at_most: mine[at_most]
    )
    monkeypatch.setattr(
        "training.hosts.of_all_hosts",
        lambda strategy, *place: np.array([place, next(others)]),
    )
    agreed = agreed_checkpoint(tf.distribute.get_strategy(), "run")
    assert agreed == Saved(3)


def test_a_worker_that_is_gone_is_told():
    gone = "Collective ops is aborted by: failed to connect\nto all addresses"
    message = r"another worker is gone \(failed to connect to all addresses\).*again"
    with pytest.raises(RunError, match=message), telling_of_lost_workers():
        raise tf.errors.UnavailableError(None, None, gone)
    with pytest.raises(tf.errors.OutOfRangeError), telling_of_lost_workers():
        raise tf.errors.OutOfRangeError(None, None, "end of data")
