"""A server of files on this machine, and a way to make it fail."""

import contextlib
import http.server
import threading


class FileServer(http.server.ThreadingHTTPServer):
    """Serves bytes by path.

    Attributes:
        files: Dictionary of bytes by path, `"/model.pth"`.
        cut: Integer. Bytes to hold back at the end of every file.
        tells_length: Boolean. Whether it says how long a file is.
        requests: Paths that were asked for.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.requests = {}, []
        self.cut, self.tells_length = 0, True

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.requests.append(self.path)
        data = server.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        self.send_response(200)
        if server.tells_length:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) - server.cut])

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def running_server():
    with FileServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
