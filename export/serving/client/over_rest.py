"""A client of TF Serving over REST, and of servers with KServe's V1 protocol."""

import base64
import collections
import http.client
import json
import urllib.parse

import numpy as np

from . import batching, tensors
from .retrying import ServingError, retry

CODES = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    429: "UNAVAILABLE",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class RestClient:
    """Asks one model; safe to share between threads; connections are kept for reuse.

    Numbers travel as text: gRPC is the faster way, except for bytes of pictures.

    Args:
        url: Such as `http://localhost:8501`, or `https://...`.
        model: Name of the model.
        version: Its number; `None` for the server's newest.
        label: A version's label instead, such as `"stable"`.
        deadline: Float. Seconds that a request may take, tries and pauses included.
        headers: Dictionary of further headers, such as `{"Authorization": ...}`.
    """

    def __init__(
        self,
        url="http://localhost:8501",
        model="vit",
        version=None,
        label=None,
        deadline=30.0,
        headers=None,
    ):
        if version is not None and label is not None:
            raise ValueError("give a version or a label, not both")
        self.url = urllib.parse.urlsplit(url)
        self.path = f"{self.url.path.rstrip('/')}/v1/models/{model}"
        if version is not None:
            self.path += f"/versions/{version}"
        if label is not None:
            self.path += f"/labels/{label}"
        self.deadline, self.headers = deadline, headers or {}
        self._idle, self._signatures = collections.deque(), None

    def predict(self, inputs, signature="serving_default", outputs=()):
        """Returns the outputs of one request; see `GrpcClient.predict`.

        The server sends all outputs; `outputs` only picks from them. Numbers come as
        float32 or int64.
        """
        columns = {
            name: _jsonable(tensors.to_array(value)) for name, value in inputs.items()
        }
        rows = zip(*columns.values(), strict=True)
        request = {
            "signature_name": signature,
            "instances": [dict(zip(columns, row, strict=True)) for row in rows],
        }
        rows = self._send("POST", ":predict", request)["predictions"]
        if not isinstance(rows[0], dict):
            (name,) = self.signatures()[signature]["outputs"]
            rows = [{name: row} for row in rows]
        return {
            name: _array([row[name] for row in rows]) for name in outputs or rows[0]
        }

    def predict_each(self, items, signature="serving_default", outputs=(), **options):
        """Yields one answer an item, in order; see `GrpcClient.predict_each`."""
        names = list(self.signatures()[signature]["inputs"])

        def predict(batch):
            return self.predict(batching.stack(batch, names), signature, outputs)

        return batching.predict_each(predict, items, **options)

    def signatures(self):
        """Returns names, dtypes and shapes of inputs and outputs, by signature."""
        if self._signatures is None:
            answer = self._send("GET", "/metadata")
            found = answer["metadata"]["signature_def"]["signature_def"]
            self._signatures = {
                name: {
                    "inputs": _describe(s["inputs"]),
                    "outputs": _describe(s["outputs"]),
                }
                for name, s in found.items()
                if not name.startswith("__")  # TensorFlow's own
            }
        return self._signatures

    def status(self):
        """Returns the states of the model's versions, such as `{1: "AVAILABLE"}`."""
        versions = self._send("GET", "")["model_version_status"]
        return {int(version["version"]): version["state"] for version in versions}

    def close(self):
        while self._idle:
            self._idle.pop().close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def _send(self, method, suffix, request=None):
        body = None if request is None else json.dumps(request).encode()

        def send(seconds):
            try:
                return self._exchange(method, self.path + suffix, body, seconds)
            except (OSError, http.client.HTTPException) as error:
                self.close()  # the server may have left all that were kept
                message = f"{type(error).__name__}: {error}"
                raise ServingError("UNAVAILABLE", message) from error

        return retry(send, self.deadline)

    def _exchange(self, method, path, body, seconds):
        connection = self._connection(seconds)
        headers = {"Content-Type": "application/json", **self.headers}
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read()
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        if response.status != 200:
            code = CODES.get(response.status, "UNKNOWN")
            raise ServingError(code, _error(content))
        return json.loads(content)

    def _connection(self, seconds):
        try:
            connection = self._idle.pop()  # the one used last: others may be stale
        except IndexError:
            secure = self.url.scheme == "https"
            kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            return kind(self.url.hostname, self.url.port, timeout=seconds)
        if connection.sock is not None:
            connection.sock.settimeout(seconds)
        return connection


def _jsonable(array):
    if array.dtype != object:
        return array.tolist()
    encode = lambda item: {"b64": base64.b64encode(item).decode()}  # noqa: E731
    return np.frompyfunc(encode, 1, 1)(array).tolist()


def _array(values):
    if isinstance(values[0], dict):
        values = [base64.b64decode(value["b64"]) for value in values]
    return tensors.to_array(values)


def _describe(tensor_infos):
    return {
        name: {
            "dtype": _dtype(info["dtype"]),
            "shape": [
                None if int(dim["size"]) < 0 else int(dim["size"])
                for dim in info["tensor_shape"].get("dim", [])
            ],
        }
        for name, info in sorted(tensor_infos.items())
    }


def _dtype(name):
    names = {"DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16"}
    return names.get(name, name.removeprefix("DT_").lower())


def _error(content):
    try:
        return json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        return content[:300].decode(errors="replace")
