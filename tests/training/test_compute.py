"""How many streams a run has, and which threads they get."""

import dataclasses
import os
import subprocess
import sys

import pytest
import tensorflow as tf

from keras_mae.program import InputError
from training.compute import choose_streams, dtype_policy, set_compute
from training.config import PretrainConfig

from ..models.steps import autoencoder, context_encoder


@pytest.fixture
def threads(monkeypatch):
    """A machine of four cores on which TensorFlow has done nothing yet."""
    asked = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    setter = "set_intra_op_parallelism_threads"
    monkeypatch.setattr(tf.config.threading, setter, asked.append)
    return asked


def config(**settings):
    return dataclasses.replace(PretrainConfig(batch_size=64), **settings)


def test_two_streams_share_the_cores(threads):
    assert choose_streams(config(), "one") == 2
    assert threads == [2]


@pytest.mark.parametrize(
    ("settings", "strategy"),
    [
        ({"compute": "xla"}, "one"),
        ({}, "mirrored"),
        ({"system": "context_encoder_inpainter"}, "one"),
        ({"batch_size": 8}, "one"),
        ({"batch_size": 63}, "one"),
        ({"batch_size": 64, "accumulation_steps": 8}, "one"),
    ],
)
def test_where_streams_would_not_help_there_is_one(threads, settings, strategy):
    assert choose_streams(config(**settings), strategy) == 1
    assert threads == []


def test_a_model_computes_as_the_settings_say():
    model = autoencoder()
    set_compute(
        model, config(compute="graph", accumulation_steps=2, remat=True), streams=4
    )
    assert (model.compute, model.accumulation_steps) == ("graph", 2)
    assert (model.remat, model.streams) == (True, 4)


@pytest.mark.parametrize(
    ("dtype", "compute", "pays", "said"),
    [
        ("mixed_bfloat16", "hybrid", False, "this CPU multiplies faster"),
        ("mixed_bfloat16", "hybrid", True, ""),
        ("mixed_bfloat16", "graph", False, ""),
        ("float32", "hybrid", False, ""),
    ],
)
def test_bfloat16_that_gains_no_time_is_said_to(
    dtype, compute, pays, said, monkeypatch, capsys
):
    monkeypatch.setattr("training.compute.bfloat16_pays", lambda: pays)
    set_compute(autoencoder(dtype=dtype), config(compute=compute))
    printed = capsys.readouterr().out
    assert said in printed if said else not printed


def test_convolutions_cannot_be_rematerialised():
    with pytest.raises(InputError, match="blocks, which a ContextEncoder does not"):
        set_compute(context_encoder(), config(remat=True))


def test_one_core_has_one_stream(threads, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert choose_streams(config(), "one") == 1


def test_threads_that_can_no_longer_be_shared_out_leave_one_stream():
    tf.constant(0)  # TensorFlow is at work
    assert choose_streams(config(), "one") == 1
    assert choose_streams(config(streams=4), "one") == 4  # who asks for them gets them


@pytest.mark.parametrize(
    ("settings", "strategy", "message"),
    [
        ({"compute": "xla"}, "one", "streams must be 1, or none: compute=xla computes"),
        ({}, "mirrored", "--strategy mirrored shares a batch out already"),
        ({"system": "context_encoder_inpainter"}, "one", "judges a batch as a whole"),
        ({"accumulation_steps": 3}, "one", "divide batch_size, 64; received 4 times 3"),
    ],
)
def test_streams_that_cannot_be_are_errors(settings, strategy, message):
    with pytest.raises(InputError, match=message):
        choose_streams(config(streams=4, **settings), strategy)


@pytest.fixture
def gpus(monkeypatch):
    """Lets the machine have GPUs of given compute capabilities."""

    def place(*capabilities):
        found = dict(enumerate(capabilities))
        details = lambda gpu: {"compute_capability": found[gpu]}  # noqa: E731
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: list(found))
        monkeypatch.setattr(tf.config.experimental, "get_device_details", details)

    return place


def test_precision_is_single_on_a_cpu():
    assert dtype_policy("auto") == "float32"


def test_precision_is_half_on_a_tpu(monkeypatch):
    monkeypatch.setattr("training.compute.is_tpu", lambda: True)
    assert dtype_policy("auto") == "mixed_bfloat16"


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ([(9, 0), (8, 0)], "mixed_bfloat16"),
        ([(7, 5)], "float32"),
        ([(9, 0), (7, 5)], "float32"),
    ],
)
def test_gpus_that_multiply_bfloat16_do(gpus, capabilities, precision):
    gpus(*capabilities)
    assert dtype_policy("auto") == precision


def test_a_precision_that_is_named_is_kept(gpus):
    gpus((9, 0))
    assert dtype_policy("mixed_float16") == "mixed_float16"


@pytest.mark.parametrize("told", [None, "0"])
def test_programs_ask_for_onednn_unless_told_otherwise(told):
    name = "TF_ENABLE_ONEDNN_OPTS"
    environment = {key: value for key, value in os.environ.items() if key != name}
    script = f"import os, training; print(os.environ[{name!r}])"
    printed = subprocess.run(
        [sys.executable, "-c", script],
        env=environment | ({name: told} if told else {}),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.strip() == (told or "1")
