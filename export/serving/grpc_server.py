"""TF Serving's gRPC services over a `ModelStore`."""

import contextlib
import math
from concurrent import futures

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from .refusal import Refusal
from .served_model import DEFAULT_SIGNATURE

# A shape of a few bytes can ask for any memory: what is not a batch ends here.
MAX_ELEMENTS = 2**28
NO_LIMIT = [("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]


def start_grpc_server(store, address="localhost:0", threads=8):
    """Starts to answer; returns the `grpc.Server` and its port.

    Args:
        store: `ModelStore`.
        address: `host:port`; port 0 is any free one.
        threads: Integer. Requests that are worked on at the same time.

    Raises:
        RuntimeError: The port is taken.
    """
    pool = futures.ThreadPoolExecutor(threads, thread_name_prefix="grpc")
    server = grpc.server(pool, options=NO_LIMIT)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(store), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(
        ModelService(store), server
    )
    port = server.add_insecure_port(address)
    server.start()
    return server, port


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; the other methods are UNIMPLEMENTED."""

    def __init__(self, store):
        self.store = store

    def Predict(self, request, context):
        with _refusing(context):
            model = _find(self.store, request)
            name = request.model_spec.signature_name
            model.signature_def(name)  # TF Serving looks for it before the inputs
            inputs = {key: to_array(key, t) for key, t in request.inputs.items()}
            outputs = model.predict(name, inputs, tuple(request.output_filter))
            response = predict_pb2.PredictResponse()
            _fill_spec(response.model_spec, model, name or DEFAULT_SIGNATURE)
            for key, array in outputs.items():
                response.outputs[key].CopyFrom(tf.make_tensor_proto(array))
            return response

    def GetModelMetadata(self, request, context):
        with _refusing(context):
            _check_fields(request.metadata_field)
            model = _find(self.store, request)
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            _fill_spec(response.model_spec, model)
            response.metadata["signature_def"].Pack(signature_map(model))
            return response


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus."""

    def __init__(self, store):
        self.store = store

    def GetModelStatus(self, request, context):
        with _refusing(context):
            return model_status(self.store, request)


def model_status(store, request):
    """Returns the `GetModelStatusResponse`: what is loaded is available."""
    spec = request.model_spec
    response = get_model_status_pb2.GetModelStatusResponse()
    for version in store.list(spec.name, _version(spec)):
        response.model_version_status.add(
            version=version, state=get_model_status_pb2.ModelVersionStatus.AVAILABLE
        )
    return response


def signature_map(model):
    """Returns the `SignatureDefMap` of a `ServedModel`."""
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for key, signature in model.signature_defs.items():
        signatures.signature_def[key].CopyFrom(signature)
    return signatures


def to_array(name, tensor):
    """Returns the array of a `TensorProto`, or refuses one that is none."""
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if math.prod(shape) > MAX_ELEMENTS:
        raise Refusal(
            "INVALID_ARGUMENT",
            f"{name} has shape {shape}; this server takes {MAX_ELEMENTS} elements",
        )
    try:
        return tf.make_ndarray(tensor)
    except (ValueError, TypeError) as error:
        raise Refusal(
            "INVALID_ARGUMENT", f"tensor parsing error: {name}: {error}"
        ) from error


@contextlib.contextmanager
def _refusing(context):
    try:
        yield
    except Refusal as refusal:
        context.abort(refusal.grpc_code, refusal.message)


def _find(store, request):
    if not request.HasField("model_spec"):
        raise Refusal("INVALID_ARGUMENT", "Missing ModelSpec")
    spec = request.model_spec
    return store.find(spec.name, _version(spec), spec.version_label)


def _version(spec):
    return spec.version.value if spec.HasField("version") else None


def _fill_spec(spec, model, signature_name=""):
    spec.name, spec.signature_name = model.name, signature_name
    spec.version.value = model.version


def _check_fields(fields):
    if not fields:
        raise Refusal(
            "INVALID_ARGUMENT",
            "GetModelMetadataRequest must specify at least one metadata_field",
        )
    for field in set(fields) - {"signature_def"}:
        raise Refusal("INVALID_ARGUMENT", f"Metadata field {field} is not supported")
