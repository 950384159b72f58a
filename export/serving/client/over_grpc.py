"""A client of TF Serving over gRPC."""

import grpc

from . import batching, tensors
from .messages import make_messages
from .retrying import ServingError, retry

MESSAGES = make_messages()
OPTIONS = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_reconnect_backoff_ms", 1000),  # `retry` pauses; gRPC need not, too
    ("grpc.keepalive_time_ms", 60000),
]
STATES = {0: "UNKNOWN", 10: "START", 20: "LOADING", 30: "AVAILABLE", 40: "UNLOADING"}


class GrpcClient:
    """Asks one model; safe to share between threads; one connection, kept open.

    Args:
        address: `host:port`.
        model: Name of the model.
        version: Its number; `None` for the server's newest.
        label: A version's label instead, such as `"stable"`.
        deadline: Float. Seconds that a request may take, tries and pauses included.
        credentials: `grpc.ChannelCredentials` of an encrypted connection, or `None`.
    """

    def __init__(
        self,
        address="localhost:8500",
        model="vit",
        version=None,
        label=None,
        deadline=30.0,
        credentials=None,
    ):
        if version is not None and label is not None:
            raise ValueError("give a version or a label, not both")
        self.model, self.version, self.label = model, version, label
        self.deadline, self._signatures = deadline, None
        if credentials is None:
            self.channel = grpc.insecure_channel(address, OPTIONS)
        else:
            self.channel = grpc.secure_channel(address, credentials, OPTIONS)
        self._predict = self._method("PredictionService", "Predict")
        self._metadata = self._method("PredictionService", "GetModelMetadata")
        self._status = self._method("ModelService", "GetModelStatus")

    def predict(self, inputs, signature="serving_default", outputs=()):
        """Returns the outputs of one request.

        Args:
            inputs: Dictionary of arrays, or of lists of bytes. The first axis is
                the batch.
            signature: Name of the signature.
            outputs: Names of the outputs to send back; none stands for all.

        Returns:
            Dictionary of arrays.

        Raises:
            ServingError: The server refused, or did not answer in time.
        """
        request = MESSAGES["PredictRequest"](output_filter=outputs)
        self._fill_spec(request.model_spec, signature)
        for name, value in inputs.items():
            tensors.fill(request.inputs.add(key=name).value, value)
        response = self._send(self._predict, request)
        return {item.key: tensors.read(item.value) for item in response.outputs}

    def predict_each(self, items, signature="serving_default", outputs=(), **options):
        """Yields one answer an item, in order, sending several batches at a time.

        Args:
            items: Iterable of the signature's one input, such as bytes of files or
                arrays of one shape; or of dictionaries, where it has more.
            signature, outputs: As in `predict`.
            **options: `batch_size`, `in_flight` and `on_error` of
                `batching.predict_each`.
        """
        names = list(self.signatures()[signature]["inputs"])

        def predict(batch):
            return self.predict(batching.stack(batch, names), signature, outputs)

        return batching.predict_each(predict, items, **options)

    def signatures(self):
        """Returns names, dtypes and shapes of inputs and outputs, by signature.

        Asked for once: versions of one model are expected to share them.
        """
        if self._signatures is None:
            self._signatures = self._ask_for_signatures()
        return self._signatures

    def status(self):
        """Returns the states of the model's versions, such as `{1: "AVAILABLE"}`."""
        request = MESSAGES["GetModelStatusRequest"]()
        request.model_spec.name = self.model
        versions = self._send(self._status, request).model_version_status
        return {item.version: STATES.get(item.state, "END") for item in versions}

    def close(self):
        self.channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def _ask_for_signatures(self):
        request = MESSAGES["GetModelMetadataRequest"](metadata_field=["signature_def"])
        self._fill_spec(request.model_spec)
        (metadata,) = self._send(self._metadata, request).metadata
        found = MESSAGES["SignatureDefMap"].FromString(metadata.value.value)
        return {
            item.key: {
                "inputs": _describe(item.value.inputs),
                "outputs": _describe(item.value.outputs),
            }
            for item in found.signature_def
            if not item.key.startswith("__")  # TensorFlow's own
        }

    def _method(self, service, name):
        return self.channel.unary_unary(
            f"/tensorflow.serving.{service}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=MESSAGES[f"{name}Response"].FromString,
        )

    def _send(self, method, request):
        def send(seconds):
            try:
                return method(request, timeout=seconds)
            except grpc.RpcError as error:
                raise ServingError(error.code().name, error.details()) from error

        return retry(send, self.deadline)

    def _fill_spec(self, spec, signature=""):
        spec.name, spec.signature_name = self.model, signature
        if self.version is not None:
            spec.version.value = self.version
        if self.label is not None:
            spec.version_label = self.label


def _describe(items):
    return {
        item.key: {
            "dtype": tensors.DTYPES[item.value.dtype][0].replace("object", "string"),
            "shape": [
                None if dim.size < 0 else dim.size
                for dim in item.value.tensor_shape.dim
            ],
        }
        for item in sorted(items, key=lambda item: item.key)
    }
