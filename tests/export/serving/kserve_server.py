"""Serves a SavedModel by KServe's server: kserve_server.py SITE PATH NAME PORT.

Run by the Python of an environment that has kserve; TensorFlow is found in SITE,
behind kserve's own packages, whose versions differ.
"""

import json
import sys
from pathlib import Path

site, path, name, port = sys.argv[1:]
sys.path.append(str(Path(__file__).parents[3]))
sys.path.append(site)

from kserve import Model, ModelServer  # noqa: E402
from kserve.errors import InvalidInput  # noqa: E402

from export.serving.refusal import Refusal  # noqa: E402
from export.serving.rest_json import make_response, parse_request  # noqa: E402
from export.serving.served_model import ServedModel  # noqa: E402


class SavedModel(Model):
    def __init__(self):
        super().__init__(name)
        self.served = ServedModel(path, name)
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        try:
            body = json.dumps(payload).encode()
            signature, inputs, rows = parse_request(body, self.served.signature_def)
            return json.loads(
                make_response(self.served.predict(signature, inputs), rows)
            )
        except Refusal as refusal:
            raise InvalidInput(refusal.message) from refusal


ModelServer(http_port=int(port), enable_grpc=False).start([SavedModel()])
