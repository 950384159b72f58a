"""Why a request was not answered: a gRPC status code, by name, and a line."""

import grpc

# The statuses of REST are TF Serving's (`http_server.cc`, `ToHTTPStatusCode`).
HTTP_STATUS = {
    "CANCELLED": 499,
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}  # all others: 500
NAMES = {status.value[0]: status.name for status in grpc.StatusCode}


class Refusal(Exception):
    """A request that cannot be answered.

    Args:
        code: Name of a gRPC status code, such as `"NOT_FOUND"`.
        message: What the client is told.
    """

    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message

    @property
    def grpc_code(self):
        return grpc.StatusCode[self.code]

    @property
    def http_status(self):
        return HTTP_STATUS.get(self.code, 500)

    @classmethod
    def of(cls, error):
        """Returns the refusal that an error of TensorFlow amounts to."""
        # Eager execution puts stack traces, always empty here, before the graph's text.
        message = error.message.rpartition("<stack traces unavailable>\n")[2]
        return cls(NAMES.get(error.error_code, "UNKNOWN"), message)
