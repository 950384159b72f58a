"""Two logical CPU devices to train two replicas on; what was measured is printed."""

import os

# Before TensorFlow is imported, as the programs do.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# XLA compiles in half the time; `make test-slow` lets it optimise as users do.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

import pytest
import tensorflow as tf

from keras_mae.layers import products

from .parity.measured import LARGEST

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)


@pytest.fixture(params=[True, False], ids=["bfloat16-pays", "float32-is-faster"])
def bfloat16_pays(request, monkeypatch):
    """Both kinds of CPU, whatever this one is."""
    monkeypatch.setattr(products, "bfloat16_pays", lambda: request.param)
    return request.param


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):  # a process of pytest-xdist
        session.config.workeroutput["largest"] = dict(LARGEST)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    output = getattr(node, "workeroutput", {})  # none of a process that crashed
    for what, difference in output.get("largest", {}).items():
        LARGEST[what] = max(LARGEST[what], difference)


def pytest_terminal_summary(terminalreporter):
    """Prints the largest differences from the golden arrays after the tests."""
    if not LARGEST:
        return
    terminalreporter.section("largest differences from the golden arrays")
    for what, difference in sorted(LARGEST.items()):
        terminalreporter.write_line(f"{what:44} {difference:.1e}")
