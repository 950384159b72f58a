"""TF Serving's REST interface over a `ModelStore`."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from tensorflow_serving.apis import get_model_status_pb2

from .grpc_server import model_status, signature_map
from .refusal import Refusal
from .rest_json import make_error, make_response, parse_request

MODEL = r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?"
PREDICT = re.compile(MODEL + ":predict")
ABOUT = re.compile(MODEL + "(/metadata)?")
MAX_BYTES = 2**28  # of a request


def start_rest_server(store, address=("localhost", 0)):
    """Starts to answer in a thread; returns the server, whose port may be any free one.

    Args:
        store: `ModelStore`.
        address: Host and port; 0 is any free one.

    Raises:
        OSError: The port is taken.
    """
    server = ThreadingHTTPServer(address, _Handler)
    server.store, server.daemon_threads = store, True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept

    def do_POST(self):
        self._answer(self._predict)

    def do_GET(self):
        self._answer(self._about)

    def log_message(self, *args):
        """Says nothing."""

    def _predict(self):
        body = self._body()  # read in any case: the next request comes behind it
        model = self._find(PREDICT)
        name, inputs, in_rows = parse_request(body, model.signature_def)
        return make_response(model.predict(name, inputs), in_rows)

    def _about(self):
        name, version, label, metadata = self._match(ABOUT)
        if metadata:
            return _metadata(self.server.store.find(name, version, label or ""))
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = name
        if version is not None:
            request.model_spec.version.value = version
        status = model_status(self.server.store, request)
        return json_format.MessageToJson(
            status, preserving_proto_field_name=True
        ).encode()

    def _find(self, pattern):
        name, version, label = self._match(pattern)
        return self.server.store.find(name, version, label or "")

    def _match(self, pattern):
        match = pattern.fullmatch(self.path)
        if not match:
            raise Refusal(
                "INVALID_ARGUMENT", f"Malformed request: {self.command} {self.path}"
            )
        name, version, *rest = match.groups()
        return name, None if version is None else int(version), *rest

    def _body(self):
        size = self.headers.get("Content-Length", "")
        if not size.isdecimal() or int(size) > MAX_BYTES:
            self.close_connection = True
            raise Refusal(
                "INVALID_ARGUMENT",
                f"Content-Length must be at most {MAX_BYTES}. Received: {size or None}",
            )
        return self.rfile.read(int(size))

    def _answer(self, work):
        try:
            status, content = 200, work()
        except Refusal as refusal:
            status, content = refusal.http_status, make_error(refusal.message)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _metadata(model):
    plain = json_format.MessageToDict(
        signature_map(model),
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )
    spec = {"name": model.name, "signature_name": "", "version": str(model.version)}
    return json.dumps(
        {"model_spec": spec, "metadata": {"signature_def": plain}}
    ).encode()
