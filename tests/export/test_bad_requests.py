"""A bad request must come back as an error; it must not take the server down.

Without `ensure_shape`, kernels check ranks by aborting the process. So these run
in processes of their own: one through TensorFlow's Python, one through its C API,
which is what TF Serving links (`LoadSavedModel` and `Session::Run`).
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from export.manifest import read_manifest

THROUGH_PYTHON = """
import sys
import numpy as np
import tensorflow as tf

signatures = tf.saved_model.load(sys.argv[1]).signatures
float_images = lambda *shape: np.zeros(shape, "float32")
pixels = lambda *shape: np.zeros(shape, "uint8")
requests = [
    ("serving_default", "images", float_images(1, 2)),
    ("serving_default", "images", float_images(32, 24, 3)),
    ("serving_default", "images", float_images(1, 33, 24, 3)),
    ("serving_default", "images", float_images(1, 24, 32, 3)),
    ("serving_default", "images", float_images(1, 32, 24, 1)),
    ("serving_default", "images", pixels(1, 32, 24, 3)),
    ("serve_uint8", "images", pixels(1, 2)),
    ("serve_uint8", "images", pixels(32, 24, 3)),
    ("serve_uint8", "images", pixels(1, 32, 24, 4)),
    ("serve_uint8", "images", pixels(1, 0, 0, 3)),
    ("serve_uint8", "images", float_images(1, 32, 24, 3)),
    ("serve_bytes", "image_bytes", np.array(b"scalar")),
    ("serve_bytes", "image_bytes", np.array([[b"rank 2"]])),
    ("serve_bytes", "image_bytes", np.array([b"no picture"])),
    ("serve_bytes", "image_bytes", float_images(1)),
]
for signature, name, value in requests:
    try:
        signatures[signature](**{name: tf.constant(value)})
        print("accepted", signature, value.shape)
    except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
        print("refused", type(error).__name__)
"""


@pytest.fixture(scope="module")
def through_c_api(encoder, saved_model, tmp_path_factory):
    """Runs requests through the C API; returns what came back of each."""
    folder = tmp_path_factory.mktemp("c_api")
    images = np.random.default_rng(0).normal(size=(2, 32, 24, 3)).astype("float32")
    np.save(folder / "images.npy", images)
    signature = read_manifest(saved_model)["signatures"]["serving_default"]
    names = (
        signature["inputs"]["images"]["tensor"],
        signature["outputs"]["features"]["tensor"],
    )
    script = Path(__file__).with_name("c_api.py")
    command = [sys.executable, "-P", script, saved_model, folder / "images.npy", *names]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return images, json.loads(done.stdout.splitlines()[-1])


def test_no_bad_request_is_accepted_or_aborts(saved_model):
    command = [sys.executable, "-c", THROUGH_PYTHON, saved_model]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 15
    assert [line for line in lines if line.startswith("accepted")] == []


def test_c_api_returns_the_features_of_keras(encoder, through_c_api):
    images, results = through_c_api
    expected = encoder.features(images)
    np.testing.assert_allclose(results["features"], expected, atol=1e-5)


def test_c_api_was_alone(through_c_api):
    assert through_c_api[1]["python_modules"] == []


def test_c_api_refuses_bad_requests(through_c_api):
    refused = through_c_api[1]["refused"]
    assert set(refused) == {"rank 2", "rank 3", "wrong size", "wrong dtype"}
    for message in refused.values():
        assert "INVALID_ARGUMENT" in message, refused
