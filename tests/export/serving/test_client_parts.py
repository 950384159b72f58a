import time

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
)

from export.serving.client import batching, retrying, tensors
from export.serving.client.messages import make_messages
from export.serving.client.retrying import ServingError, retry

MESSAGES = make_messages()
OFFICIAL = {
    "TensorProto": tensor_pb2.TensorProto,
    "ModelSpec": model_pb2.ModelSpec,
    "PredictRequest": predict_pb2.PredictRequest,
    "PredictResponse": predict_pb2.PredictResponse,
    "TensorInfo": meta_graph_pb2.TensorInfo,
    "SignatureDef": meta_graph_pb2.SignatureDef,
    "SignatureDefMap": get_model_metadata_pb2.SignatureDefMap,
    "GetModelMetadataRequest": get_model_metadata_pb2.GetModelMetadataRequest,
    "GetModelMetadataResponse": get_model_metadata_pb2.GetModelMetadataResponse,
    "GetModelStatusRequest": get_model_status_pb2.GetModelStatusRequest,
    "GetModelStatusResponse": get_model_status_pb2.GetModelStatusResponse,
    "ModelVersionStatus": get_model_status_pb2.ModelVersionStatus,
}


@pytest.mark.parametrize("name", OFFICIAL)
def test_messages_have_the_official_numbers_and_types(name):
    compare_fields(MESSAGES[name].DESCRIPTOR, OFFICIAL[name].DESCRIPTOR)


def compare_fields(ours, official):
    for field in ours.fields:
        other = official.fields_by_name[field.name]
        assert field.number == other.number
        assert field.is_repeated == other.is_repeated
        if other.enum_type:
            assert field.type == field.TYPE_INT32  # the same on the wire
        else:
            assert field.type == other.type
        if field.message_type:
            compare_fields(field.message_type, other.message_type)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=dtype).reshape(2, 3)
        for dtype in ("float32", "float64", "float16", "int32", "int64", "uint8")
    ]
    + [
        np.array([[True, False]]),
        np.array([b"a\0", b""], object),
        np.array(b"scalar", object),
        np.zeros((0, 3), "float32"),
    ],
    ids=lambda array: array.dtype.name,
)
def test_tensors_are_tensorflows(array):
    ours = MESSAGES["TensorProto"]()
    tensors.fill(ours, array)
    official = tensor_pb2.TensorProto.FromString(ours.SerializeToString())
    np.testing.assert_array_equal(tf.make_ndarray(official), array)
    for answer in (tf.make_tensor_proto(array), in_fields(array)):
        message = MESSAGES["TensorProto"].FromString(answer.SerializeToString())
        received = tensors.read(message)
        assert received.dtype == array.dtype
        np.testing.assert_array_equal(received, array)


def in_fields(array):
    """Returns a `TensorProto` with typed fields: TF Serving's way to answer."""
    proto = tf.make_tensor_proto(array)
    field = tensors.DTYPES[proto.dtype][1]
    proto.ClearField("tensor_content")
    proto.ClearField(field)
    values = array.view("uint16") if array.dtype == "float16" else array
    getattr(proto, field).extend(values.ravel().tolist())
    return proto


def test_repeated_last_values_are_filled_in():
    message = MESSAGES["TensorProto"](dtype=1, float_val=[1, 2])
    message.tensor_shape.dim.add(size=4)
    np.testing.assert_array_equal(tensors.read(message), [1, 2, 2, 2])


def test_lists_become_tensors():
    assert tensors.to_array([0.5]).dtype == "float32"
    assert tensors.to_array([1, 2]).dtype == "int64"
    assert tensors.to_array(["é", b"b\0"]).tolist() == ["é".encode(), b"b\0"]


def test_types_without_tensor_are_refused():
    with pytest.raises(ValueError, match="no tensor holds complex128"):
        tensors.fill(MESSAGES["TensorProto"](), np.zeros(1, "complex128"))
    with pytest.raises(ValueError, match="type number 99 is not known"):
        tensors.read(MESSAGES["TensorProto"](dtype=99))


def test_unavailable_is_tried_again(monkeypatch):
    monkeypatch.setattr(retrying, "FIRST_PAUSE", 0.001)
    answers = iter([ServingError("UNAVAILABLE", "busy")] * 3 + ["here"])

    def send(left):
        assert 0 < left <= 5
        answer = next(answers)
        if isinstance(answer, ServingError):
            raise answer
        return answer

    assert retry(send, 5) == "here"


def test_other_errors_are_final():
    def send(left):
        raise ServingError("NOT_FOUND", "no model")

    with pytest.raises(ServingError, match="NOT_FOUND: no model"):
        retry(send, 5)


def test_deadline_ends_all_tries():
    def send(left):
        raise ServingError("UNAVAILABLE", "busy")

    start = time.monotonic()
    with pytest.raises(ServingError, match="in 0.2 s; last: UNAVAILABLE: busy"):
        retry(send, 0.2)
    assert time.monotonic() - start < 1


def double(items):
    return {"y": 2 * np.array(items)}


def test_items_are_read_only_as_far_as_needed():
    read = []
    items = (read.append(n) or n for n in range(1000))
    answers = batching.predict_each(double, items, batch_size=2, in_flight=3)
    assert next(answers) == {"y": 0}
    assert len(read) == 6
    answers.close()
    assert len(read) == 6


def test_unknown_on_error_is_refused():
    with pytest.raises(ValueError, match='on_error is "raise" or "return"'):
        next(batching.predict_each(double, [1], on_error="skip"))


def test_items_of_several_inputs_are_dictionaries():
    items = [{"a": b"x", "b": np.ones(2)}, {"a": b"y", "b": np.zeros(2)}]
    inputs = batching.stack(items, ["a", "b"])
    assert inputs["a"] == [b"x", b"y"]
    np.testing.assert_array_equal(inputs["b"], [[1, 1], [0, 0]])
    with pytest.raises(ValueError, match="items must be dictionaries of a, b"):
        batching.stack([1, 2], ["a", "b"])
