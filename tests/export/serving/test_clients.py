"""Both clients against both local servers: what comes back is what was computed."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import export.serving.client
from export.serving.client.over_grpc import GrpcClient
from export.serving.client.over_rest import RestClient
from export.serving.client.retrying import ServingError
from export.serving.example_requests import example_inputs, list_signatures

CLIENT = Path(export.serving.client.__file__).parent
ALLOWED = {"grpc", "google", "numpy"}


@pytest.fixture(params=["grpc_client", "rest_client"])
def client(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def pictures(saved_model):
    rng = np.random.default_rng(0)
    return list(example_inputs(saved_model, "serve_bytes", 3, rng)["image_bytes"])


def test_answers_are_those_of_the_saved_model(client, saved_model):
    loaded, rng = tf.saved_model.load(str(saved_model)), np.random.default_rng(0)
    signatures = list_signatures(saved_model)
    assert {"serving_default", "serve_uint8", "serve_bytes"} <= set(signatures)
    for name in signatures:
        for batch_size in (1, 3):
            inputs = example_inputs(saved_model, name, batch_size, rng)
            tensors = {key: tf.constant(value) for key, value in inputs.items()}
            expected = loaded.signatures[name](**tensors)
            received = client.predict(inputs, name)
            assert set(received) == set(expected)
            for key, tensor in expected.items():
                assert received[key].dtype == tensor.dtype.name
                np.testing.assert_allclose(received[key], tensor, atol=1e-5)


def test_outputs_are_picked_by_name(client, pictures):
    inputs = {"image_bytes": pictures}
    assert set(client.predict(inputs, "serve_bytes", ["features"])) == {"features"}


def test_signatures_tell_names_types_and_shapes(client):
    signatures = client.signatures()
    assert signatures["serve_bytes"]["inputs"] == {
        "image_bytes": {"dtype": "string", "shape": [None]}
    }
    assert signatures["serving_default"]["outputs"]["features"] == {
        "dtype": "float32",
        "shape": [None, 16],
    }


def test_status_tells_versions(client):
    assert client.status() == {1: "AVAILABLE"}


def test_each_item_gets_its_answer_in_order(client, pictures):
    many = pictures * 3  # 9 pictures in batches of 2, the last one alone
    answers = client.predict_each(many, "serve_bytes", batch_size=2, in_flight=3)
    rows = [answer["features"] for answer in answers]
    together = client.predict({"image_bytes": many}, "serve_bytes")["features"]
    np.testing.assert_allclose(rows, together, atol=1e-5)


def test_bad_item_can_be_returned_in_its_place(client, pictures):
    items = [pictures[0], b"no picture", pictures[1]]
    options = {"signature": "serve_bytes", "on_error": "return"}
    first, error, last = client.predict_each(items, **options)
    assert first["features"].shape == last["features"].shape == (16,)
    assert isinstance(error, ServingError)
    assert error.code == "INVALID_ARGUMENT"
    with pytest.raises(ServingError, match="INVALID_ARGUMENT"):
        list(client.predict_each(items, signature="serve_bytes"))


def test_versions_and_labels_are_asked_for(address, url, pictures):
    inputs = {"image_bytes": pictures[:1]}
    for which in ({"version": 1}, {"label": "stable"}):
        for client in (GrpcClient(address, **which), RestClient(url, **which)):
            with client:
                assert client.predict(inputs, "serve_bytes")["features"].shape == (
                    1,
                    16,
                )


@pytest.mark.parametrize(
    ("which", "code"),
    [
        ({"version": 7}, "NOT_FOUND"),
        ({"model": "dog"}, "NOT_FOUND"),
        ({"label": "canary"}, "INVALID_ARGUMENT"),
    ],
)
def test_what_is_not_there_is_told(address, url, pictures, which, code):
    inputs = {"image_bytes": pictures[:1]}
    for client in (GrpcClient(address, **which), RestClient(url, **which)):
        with client, pytest.raises(ServingError) as info:
            client.predict(inputs, "serve_bytes")
        assert info.value.code == code


def test_version_and_label_exclude_each_other():
    for client in (GrpcClient, RestClient):
        with pytest.raises(ValueError, match="a version or a label, not both"):
            client(version=1, label="stable")


def test_one_connection_serves_all_requests(rest_client, pictures):
    rest_client.close()
    rest_client.predict({"image_bytes": pictures[:1]}, "serve_bytes")
    (connection,) = rest_client._idle
    socket = connection.sock
    rest_client.predict({"image_bytes": pictures[:1]}, "serve_bytes")
    assert list(rest_client._idle) == [connection]
    assert connection.sock is socket


def test_absent_server_is_tried_until_the_deadline():
    for client in (
        GrpcClient("localhost:1", deadline=0.3),
        RestClient("http://localhost:1", deadline=0.3),
    ):
        with (
            client,
            pytest.raises(
                ServingError, match="DEADLINE_EXCEEDED: not answered in 0.3 s"
            ),
        ):
            client.predict({"images": np.zeros((1, 32, 24, 3), "float32")})


def test_client_imports_neither_tensorflow_nor_keras_mae():
    for file in CLIENT.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            else:
                continue
            for name in names:
                top = name.split(".")[0]
                assert top in ALLOWED or top in sys.stdlib_module_names, (file, name)


def test_client_runs_where_nothing_else_is(address, url, tmp_path):
    (tmp_path / "serving_client").symlink_to(CLIENT)
    code = f"""
import sys
sys.modules["tensorflow"] = sys.modules["keras_mae"] = None
import numpy as np
from serving_client.over_grpc import GrpcClient
from serving_client.over_rest import RestClient
images = np.zeros((2, 32, 24, 3), "float32")
a = GrpcClient("{address}").predict({{"images": images}})["features"]
b = RestClient("{url}").predict({{"images": images}})["features"]
assert a.shape == (2, 16)
np.testing.assert_allclose(a, b, atol=1e-6)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
