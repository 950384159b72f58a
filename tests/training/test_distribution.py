import contextlib
import json

import pytest
import tensorflow as tf

from keras_mae.program import InputError
from training.distribution import ON_ONE_MACHINE, pick_strategy, strategy_scope

TWO_WORKERS = {
    "cluster": {"worker": ["localhost:1", "localhost:2"]},
    "task": {"type": "worker", "index": 0},
}


@pytest.fixture
def machine(monkeypatch):
    """Returns a function that says which devices there are to be."""
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.delenv("TPU_NAME", raising=False)

    def has(**devices):
        monkeypatch.setattr(
            tf.config,
            "list_physical_devices",
            lambda kind: ["device"] * devices.get(kind, 0),
        )

    return has


@pytest.mark.parametrize(
    ("devices", "options", "line"),
    [
        ({}, {}, "one (CPU)"),
        ({"GPU": 1}, {"compute": "xla"}, "one (one GPU)"),
        ({"GPU": 4}, {}, "mirrored (4 GPUs)"),
        (
            {"GPU": 4},
            {"compute": "xla"},
            "one (compute=xla; with --set compute=auto all 4 GPUs)",
        ),
        ({"TPU": 8}, {"compute": "xla"}, "tpu (there is a TPU)"),
        ({"TPU": 8}, {"names": ON_ONE_MACHINE}, "one (CPU)"),
        ({}, {"replicas": 2}, "mirrored (--replicas 2)"),
    ],
)
def test_auto_picks_what_the_machine_has_and_says_so(
    machine, capsys, devices, options, line
):
    machine(**devices)
    assert pick_strategy("auto", **options) == line.split()[0]
    assert capsys.readouterr().out == f"strategy: {line}\n"


def test_auto_joins_the_workers_of_tf_config(machine, monkeypatch, capsys):
    machine(GPU=4)
    monkeypatch.setenv("TF_CONFIG", json.dumps(TWO_WORKERS))
    assert pick_strategy("auto") == "multi_worker"
    assert "TF_CONFIG names 2 workers" in capsys.readouterr().out
    assert pick_strategy("auto", names=ON_ONE_MACHINE) == "mirrored"


def test_a_named_tpu_is_visible(machine, monkeypatch):
    machine()
    monkeypatch.setenv("TPU_NAME", "mine")
    assert pick_strategy("auto") == "tpu"


def test_a_strategy_that_is_named_is_taken(capsys):
    assert pick_strategy("mirrored") == "mirrored"
    assert capsys.readouterr().out == ""


def test_unknown_strategies_are_errors():
    with pytest.raises(InputError, match="did you mean multi_worker"):
        pick_strategy("multiworker")
    with pytest.raises(InputError, match="choose from auto, mirrored, one"):
        pick_strategy("tpu", names=ON_ONE_MACHINE)


def test_one_device_needs_no_strategy():
    assert isinstance(strategy_scope("one", 3), contextlib.nullcontext)


def test_mirrored_takes_logical_cpus():
    with strategy_scope("mirrored", 4, replicas=2):
        assert tf.distribute.get_strategy().num_replicas_in_sync == 2


def test_a_batch_that_replicas_cannot_share_is_refused():
    with pytest.raises(InputError, match="received 5, try 4"):
        strategy_scope("mirrored", 5, replicas=2)
    with pytest.raises(InputError, match="in 3 parts each; received 8, try 6"):
        strategy_scope("mirrored", 8, replicas=2, parts=3)


def test_more_devices_than_there_are_cannot_be_made_late():
    tf.constant(0)
    with pytest.raises(InputError, match="before TensorFlow is used"):
        strategy_scope("mirrored", 16, replicas=16)


def test_workers_need_tf_config(machine):
    with pytest.raises(InputError, match="needs the environment variable TF_CONFIG"):
        strategy_scope("multi_worker", 4)


def test_workers_must_be_joined_before_tensorflow_is_used(monkeypatch, capsys):
    tf.constant(0)
    monkeypatch.setenv("TF_CONFIG", json.dumps(TWO_WORKERS))
    with pytest.raises(InputError, match="cannot be joined: .*program startup"):
        strategy_scope("multi_worker", 4)
    assert "worker 1 of 2, waiting" in capsys.readouterr().out


def test_where_no_tpu_is_found_is_told(machine):
    with pytest.raises(InputError, match="no TPU named 'local'.*TPU_NAME tells an"):
        strategy_scope("tpu", 8)


@pytest.mark.parametrize("name", ["local", "mine"])
def test_a_tpu_is_resolved_by_its_name_and_shares_the_batch(
    machine, monkeypatch, capsys, name
):
    asked = []
    resolvers = tf.distribute.cluster_resolver.TPUClusterResolver
    monkeypatch.setattr(resolvers, "connect", lambda tpu: asked.append(tpu) or "found")
    one = tf.distribute.OneDeviceStrategy("CPU:0")

    class EightCores:
        num_replicas_in_sync = 8

        def __init__(self, resolver):
            assert resolver == "found"

        def scope(self):
            return one.scope()

    monkeypatch.setattr(tf.distribute, "TPUStrategy", EightCores)
    if name != "local":
        monkeypatch.setenv("TPU_NAME", name)
    with strategy_scope("tpu", 16):
        assert tf.distribute.get_strategy() is one
    assert asked == [name]
    assert "8 replicas, 2 images each" in capsys.readouterr().out
    with pytest.raises(InputError, match="multiple of the 8 replicas"):
        strategy_scope("tpu", 12)
