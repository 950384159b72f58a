"""KServe's V1 protocol, by its own server, with the REST client.

Needs an environment with kserve (450 MB): KSERVE_PYTHON names its Python.
"""

import os
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from export.serving.client.over_rest import RestClient
from export.serving.client.retrying import ServingError
from export.serving.example_requests import example_inputs

PYTHON = os.environ.get("KSERVE_PYTHON", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(PYTHON).is_file(), reason="KSERVE_PYTHON is not set"),
]


@pytest.fixture(scope="module")
def kserve_url(saved_model):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    script = Path(__file__).with_name("kserve_server.py")
    site = Path(tf.__file__).parents[1]
    command = [PYTHON, script, site, saved_model, "vit", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        url = f"http://localhost:{port}"
        wait_for(f"{url}/v1/models/vit", server)
        yield url
        server.terminate()


def wait_for(url, server, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError("KServe's server did not start")


@pytest.mark.parametrize("signature", ["serving_default", "serve_uint8", "serve_bytes"])
def test_kserve_answers_the_rest_client(kserve_url, saved_model, signature):
    inputs = example_inputs(saved_model, signature, 3, np.random.default_rng(0))
    run = tf.saved_model.load(str(saved_model)).signatures[signature]
    expected = run(**{name: tf.constant(value) for name, value in inputs.items()})
    with RestClient(kserve_url, "vit") as client:
        received = client.predict(inputs, signature)
    assert set(received) == set(expected)
    for name, tensor in expected.items():
        np.testing.assert_allclose(received[name], tensor, atol=1e-5)


def test_kserve_refuses_with_the_graphs_text(kserve_url):
    with (
        RestClient(kserve_url, "vit") as client,
        pytest.raises(ServingError, match="INVALID_ARGUMENT: .*not compatible"),
    ):
        client.predict({"images": np.zeros((1, 33, 24, 3), "float32")})
