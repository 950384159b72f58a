"""Bad requests come back with TF Serving's status codes and the graph's text."""

import base64
import json
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from export.serving.refusal import Refusal
from export.serving.rest_json import make_response, parse_request

IMAGES = np.zeros((1, 32, 24, 3), "float32")


@pytest.fixture(scope="module")
def stub(address):
    """The official client."""
    with grpc.insecure_channel(address) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def request(signature="serving_default", outputs=(), model="vit", **inputs):
    message = predict_pb2.PredictRequest(output_filter=outputs)
    message.model_spec.name, message.model_spec.signature_name = model, signature
    for name, value in inputs.items():
        proto = isinstance(value, tensor_pb2.TensorProto)
        message.inputs[name].CopyFrom(value if proto else tf.make_tensor_proto(value))
    return message


def tensor(dtype, shape, **content):
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum, **content)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


def test_official_client_is_answered(stub):
    response = stub.Predict(request(images=IMAGES))
    assert response.model_spec.name == "vit"
    assert response.model_spec.version.value == 1
    assert response.model_spec.signature_name == "serving_default"
    assert tf.make_ndarray(response.outputs["features"]).shape == (1, 16)
    response = stub.Predict(request("", images=IMAGES, outputs=["features"]))
    assert list(response.outputs) == ["features"]


def test_official_client_reads_the_signatures(stub):
    message = get_model_metadata_pb2.GetModelMetadataRequest()
    message.model_spec.name = "vit"
    message.metadata_field.append("signature_def")
    found = get_model_metadata_pb2.SignatureDefMap()
    assert stub.GetModelMetadata(message).metadata["signature_def"].Unpack(found)
    info = found.signature_def["serving_default"].inputs["images"]
    assert tf.as_dtype(info.dtype) == tf.float32
    message.metadata_field[0] = "size"
    with pytest.raises(grpc.RpcError, match="Metadata field size is not supported"):
        stub.GetModelMetadata(message)


BAD = {
    "rank": (request(images=IMAGES[0]), "INVALID_ARGUMENT", "not compatible with"),
    "scalar": (request(images=1.0), "INVALID_ARGUMENT", "not compatible with"),
    "size": (
        request(images=np.zeros((1, 33, 24, 3), "float32")),
        "INVALID_ARGUMENT",
        "Shape of tensor images .1,33,24,3. is not compatible with expected shape",
    ),
    "dtype": (
        request(images=IMAGES.astype("uint8")),
        "INVALID_ARGUMENT",
        "images is expected to be float32 but uint8 is provided",
    ),
    "no input": (request(), "INVALID_ARGUMENT", "Missing but required: {images}"),
    "two inputs": (
        request(images=IMAGES, mask=IMAGES),
        "INVALID_ARGUMENT",
        "Sent extra: {mask}",
    ),
    "other input": (
        request(pixels=IMAGES),
        "INVALID_ARGUMENT",
        "input tensor alias not found in signature: pixels. Inputs expected to be in "
        "the set {images}",
    ),
    "other output": (
        request(images=IMAGES, outputs=["logits"]),
        "INVALID_ARGUMENT",
        "output tensor alias not found in signature: logits",
    ),
    "output twice": (
        request(images=IMAGES, outputs=["features", "features"]),
        "INVALID_ARGUMENT",
        "duplicate output tensor alias: features",
    ),
    "signature": (request("x"), "FAILED_PRECONDITION", 'key "x" not found'),
    "model": (request(model="dog"), "NOT_FOUND", r"request: Latest\(dog\)"),
    "no picture": (
        request("serve_bytes", image_bytes=[b"no picture"]),
        "INVALID_ARGUMENT",
        "JPEG",
    ),
    "content too short": (
        request(images=tensor(tf.float32, (1, 32, 24, 3), tensor_content=b"abc")),
        "INVALID_ARGUMENT",
        "tensor parsing error: images",
    ),
    "negative size": (
        request(images=tensor(tf.float32, (-1, 32, 24, 3))),
        "INVALID_ARGUMENT",
        "tensor parsing error: images",
    ),
    "all memory": (
        request(images=tensor(tf.float32, (2**20, 2**20))),
        "INVALID_ARGUMENT",
        "this server takes",
    ),
    "nothing": (predict_pb2.PredictRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_requests_over_grpc(stub, name):
    message, code, text = BAD[name]
    with pytest.raises(grpc.RpcError, match=text) as info:
        stub.Predict(message)
    assert info.value.code().name == code
    assert stub.Predict(request(images=IMAGES)).outputs


def test_other_methods_are_unimplemented(stub):
    with pytest.raises(grpc.RpcError) as info:
        stub.Classify(classification_pb2.ClassificationRequest())
    assert info.value.code() == grpc.StatusCode.UNIMPLEMENTED


def ask(url, path, body=None):
    """Returns status and JSON of an answer; connections are not kept."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(url + path, data) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_rest_tells_status_and_metadata(url):
    status, answer = ask(url, "/v1/models/vit")
    assert answer["model_version_status"][0]["version"] == "1"
    assert ask(url, "/v1/models/vit/versions/1")[0] == status == 200
    status, answer = ask(url, "/v1/models/vit/metadata")
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    shape = signatures["serving_default"]["inputs"]["images"]["tensor_shape"]
    assert [dim["size"] for dim in shape["dim"]] == ["-1", "32", "24", "3"]


def test_rows_and_columns(url):
    image = np.zeros((32, 24, 3)).tolist()
    path = "/v1/models/vit:predict"
    _, rows = ask(url, path, {"instances": [image, image]})
    _, named = ask(url, path, {"instances": [{"images": image}] * 2})
    _, columns = ask(url, path, {"inputs": [image, image]})
    _, named_columns = ask(url, path, {"inputs": {"images": [image, image]}})
    assert rows == named
    assert columns == named_columns
    features = [row["features"] for row in rows["predictions"]]
    assert features == columns["outputs"]["features"]


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/v1/models/dog", None, 404, "Could not find any versions of model dog"),
        ("/v1/models/vit/versions/7", None, 404, "Could not find version 7"),
        ("/v2/models/vit", None, 400, "Malformed request: GET /v2/models/vit"),
        ("/v1/models/dog:predict", {}, 404, "Servable not found"),
        ("/v1/models/vit/labels/x:predict", {}, 400, "version label: x"),
        ("/v1/models/vit:predict", [], 400, "Is not object"),
        ("/v1/models/vit:predict", {}, 400, "one of 'inputs' or 'instances'"),
        ("/v1/models/vit:predict", {"instances": []}, 400, "a list with values"),
        ("/v1/models/vit:predict", {"instances": [1]}, 400, "not compatible"),
        ("/v1/models/vit:predict", {"instances": ["a"]}, 400, "no tensor of float32"),
        ("/v1/models/vit:predict", {"instances": [[1], [1, 2]]}, 400, "no tensor of"),
        ("/v1/models/vit:predict", {"signature_name": 1}, 400, "must be a string"),
        ("/v1/models/vit:predict", {"signature_name": "x"}, 400, '"x" not found'),
    ],
)
def test_bad_requests_over_rest(url, path, body, status, text):
    received, answer = ask(url, path, body)
    assert received == status
    assert text in answer["error"]


SPECS = {"a": tf.float32, "b": tf.uint8, "c": tf.string}


def parse(names, **content):
    class Signature:
        inputs = {  # noqa: RUF012
            name: type("Info", (), {"dtype": SPECS[name].as_datatype_enum})
            for name in names
        }

    return parse_request(json.dumps(content).encode(), lambda _: Signature)[1]


def test_bytes_and_texts_are_read():
    content = [{"b64": base64.b64encode(b"a\0").decode()}, "é"]
    arrays = parse("c", instances=content)
    assert arrays["c"].tolist() == [b"a\0", "é".encode()]


def test_several_inputs_are_objects():
    rows = [{"a": [1, 2], "b": 3}, {"a": [4, 5], "b": 6}]
    arrays = parse("ab", instances=rows)
    np.testing.assert_array_equal(arrays["a"], np.float32([[1, 2], [4, 5]]))
    np.testing.assert_array_equal(arrays["b"], np.uint8([3, 6]))
    arrays = parse("ab", inputs={"a": [], "b": []})
    assert arrays["a"].dtype == "float32"


@pytest.mark.parametrize(
    ("names", "content", "text"),
    [
        ("ab", {"instances": [1]}, "expecting list of objects"),
        ("ab", {"instances": [{"a": 1}]}, "keys must be equal to: a,b"),
        ("ab", {"inputs": [1]}, "expecting an object"),
        ("ab", {"inputs": {"a": 1}}, "Missing named input: b"),
        ("a", {"instances": [1, {"a": 1}]}, "item 1 of 'instances' is not like"),
        ("a", {"inputs": 1, "instances": [1]}, "one of 'inputs' or 'instances'"),
        ("b", {"inputs": [1.5]}, "received float64"),
        ("b", {"inputs": [256]}, "values must lie in 0 to 255"),
        ("c", {"inputs": [{"b64": "%"}]}, "Unable to base64 decode"),
        ("c", {"inputs": [1]}, "expected a string or an object"),
        ("c", {"inputs": [["a"], ["b", "c"]]}, "is no tensor of string"),
    ],
)
def test_bad_json_is_refused(names, content, text):
    with pytest.raises(Refusal, match=text) as info:
        parse(names, **content)
    assert info.value.http_status == 400


def test_no_json_is_refused():
    with pytest.raises(Refusal, match="JSON Parse error"):
        parse_request(b"{", None)


def test_answers_keep_bytes_apart_from_texts():
    names = np.array([b"cat", b"dog"], object)
    rows = json.loads(make_response({"name": names, "x_bytes": names}, True))
    assert rows["predictions"][0] == {"name": "cat", "x_bytes": {"b64": "Y2F0"}}
    assert json.loads(make_response({"n": np.arange(2)}, True)) == {
        "predictions": [0, 1]
    }
    assert json.loads(make_response({"n": np.arange(2)}, False)) == {"outputs": [0, 1]}
