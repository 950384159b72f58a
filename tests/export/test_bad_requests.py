"""A bad request must come back as an error; it must not take the server down.

Without `ensure_shape`, kernels check ranks by aborting the process. So these run
in processes of their own: one through TensorFlow's Python, one through its C API,
which is what TF Serving links (`LoadSavedModel` and `Session::Run`).
"""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from export.cases import expected_outputs, make_cases, smooth_pictures
from export.nearness import max_error
from export.outputs import available_outputs, choose_outputs
from export.saved_model import write_saved_model

from .test_limits import jpeg_header, png_header
from .through_c_api import run_through_c_api

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
SHAPE = "is not compatible with expected shape"
BATCH = "a request holds 1 to 256 images; received:"
SIZE = "a picture has 1 to 50000000 pixels and no side of more than 100 times the other"
NO_FILE = "expected the bytes of a JPEG or PNG file; received, in length:"


def bad_requests():
    """Returns tuples: signature, inputs, and what the error says."""
    pixels = smooth_pictures(np.random.default_rng(0), 1, (40, 50), 3)[0]
    jpeg, png = (f(pixels).numpy() for f in (tf.io.encode_jpeg, tf.io.encode_png))
    nan = np.full((1, 32, 24, 3), np.nan, "float32")
    image, mask = np.zeros((1, 32, 24, 3), "float32"), np.zeros((1, 12), "float32")
    floats = [
        (np.zeros((), "float32"), SHAPE),
        (np.zeros((1, 2), "float32"), SHAPE),
        (np.zeros((32, 24, 3), "float32"), SHAPE),
        (np.zeros((1, 33, 24, 3), "float32"), SHAPE),
        (np.zeros((1, 1, 32, 24, 3), "float32"), SHAPE),
        (np.zeros((0, 32, 24, 3), "float32"), BATCH),
        (np.zeros((257, 32, 24, 3), "float32"), BATCH),
        (np.zeros((1, 32, 24, 3), "uint8"), "float"),
        (np.zeros((1, 32, 24, 3), "float64"), "float"),
        (nan, "images must be finite"),
        (nan * np.inf, "images must be finite"),
    ]
    integers = [
        (np.zeros((2,), "uint8"), SHAPE),
        (np.zeros((32, 24, 3), "uint8"), SHAPE),
        (np.zeros((1, 32, 24, 4), "uint8"), SHAPE),
        (np.zeros((0, 32, 24, 3), "uint8"), BATCH),
        (np.zeros((300, 1, 1, 3), "uint8"), BATCH),
        (np.zeros((1, 0, 24, 3), "uint8"), SIZE),
        (np.zeros((1, 1, 5000, 3), "uint8"), SIZE),
        (np.zeros((1, 32, 24, 3), "int32"), "uint8"),
    ]
    shapes = [
        (np.array(png, object), SHAPE),
        (np.array([[png]], object), SHAPE),
        (np.array([], object), BATCH),
        (np.array([png] * 257, object), BATCH),
        (np.zeros((1,), "float32"), "string"),
    ]
    contents = [
        ([b""], NO_FILE),
        ([b"no picture"], NO_FILE),
        ([b"GIF89a" + bytes(100)], NO_FILE),
        ([b"BM" + bytes(100)], NO_FILE),
        ([png[:30]], NO_FILE),
        ([png, png[:200]], "PNG"),
        ([jpeg, jpeg[:10]], "JPEG"),
        ([jpeg[:150]], "JPEG"),
        ([png_header(30_000, 30_000)], SIZE),
        ([jpeg_header(30_000, 30_000)], SIZE),
        ([png_header(5000, 1)], SIZE),
    ]
    contents = [(np.array(value, object), error) for value, error in contents]
    masks = [
        ({"images": image, "mask": mask[0]}, SHAPE),
        ({"images": image, "mask": mask[:, :5]}, SHAPE),
        ({"images": image, "mask": mask + 1}, "a mask leaves at least one patch"),
        ({"images": image, "mask": mask + 0.5}, "a mask holds 0"),
        ({"images": image, "mask": mask[:0]}, "expected a mask for each image"),
        ({"images": nan, "mask": mask}, "images must be finite"),
    ]
    return [
        *(("serving_default", {"images": value}, error) for value, error in floats),
        *(("serve_uint8", {"images": value}, error) for value, error in integers),
        *(
            ("serve_bytes", {"image_bytes": value}, error)
            for value, error in shapes + contents
        ),
        *(
            ("serve_bytes_lenient", {"image_bytes": value}, error)
            for value, error in shapes
        ),
        *(("reconstruct", inputs, error) for inputs, error in masks),
    ]


@pytest.fixture(scope="module")
def served(autoencoder, tmp_path_factory):
    """The outputs of an autoencoder, and the folder where all are served."""
    outputs = choose_outputs(autoencoder, available_outputs(autoencoder))
    folder = tmp_path_factory.mktemp("served")
    return outputs, write_saved_model(autoencoder, folder / "vit", names=outputs.names)


@pytest.fixture(scope="module")
def refusals(served, tmp_path_factory):
    """What the C API says to bad requests, after one that it answers."""
    good = {"image_bytes": [tf.io.encode_png(np.zeros((50, 60, 3), "uint8")).numpy()]}
    requests = {
        f"{signature}/{number}": inputs
        for number, (signature, inputs, _) in enumerate(bad_requests())
    }
    folder = tmp_path_factory.mktemp("bad")
    return run_through_c_api(served[1], {"serve_bytes/good": good, **requests}, folder)


def test_no_bad_request_is_accepted_or_aborts(saved_model):
    command = [sys.executable, "-c", THROUGH_PYTHON, saved_model]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 15
    assert [line for line in lines if line.startswith("accepted")] == []


def compare_through_c_api(outputs, path, folder):
    """Returns the largest error of all signatures."""
    cases = make_cases(outputs)
    requests = {
        f"{name}/{number}": batch
        for name, batches in cases.items()
        for number, batch in enumerate(batches)
    }
    answers, printed = run_through_c_api(path, requests, folder)
    assert (printed["errors"], printed["modules"]) == ({}, [])
    errors = []
    for request, batch in requests.items():
        expected = expected_outputs(outputs, request.split("/")[0], batch)
        received = {name: answers[f"{request}/{name}"] for name in expected}
        errors.append(max_error(expected, received))
    return max(errors)


def test_c_api_answers_every_signature_as_keras_does(served, tmp_path):
    assert compare_through_c_api(*served, tmp_path) < 1e-5


def test_c_api_names_classes_as_keras_does(classifier, tmp_path):
    outputs = choose_outputs(classifier, available_outputs(classifier))
    path = write_saved_model(classifier, tmp_path / "vit", names=outputs.names)
    assert compare_through_c_api(outputs, path, tmp_path) < 1e-5


def test_c_api_refuses_every_bad_request_with_a_reason(refusals):
    answers, printed = refusals
    assert {key.rpartition("/")[0] for key in answers} == {"serve_bytes/good"}
    for number, (signature, _, expected) in enumerate(bad_requests()):
        error = printed["errors"][f"{signature}/{number}"]
        assert error.startswith("INVALID_ARGUMENT: "), error
        assert expected in error


def test_bad_requests_cost_no_memory(refusals):
    assert refusals[1]["grown"] < 100e6  # 30,000 x 30,000 pixels would be 2.7e9
