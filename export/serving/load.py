"""Clients that send good and bad requests to a server for a while, and count."""

import collections
import dataclasses
import random
import threading
import time

import numpy as np

from .bad_requests import REFUSALS, bad_requests
from .client.over_grpc import GrpcClient
from .client.retrying import ServingError
from .example_requests import example_inputs, list_signatures

TOLERANCE = 1e-3  # of an answer against the first one: threads sum in other orders
BATCH_SIZES = (1, 2, 4)
BAD = 0.3  # part of the requests


@dataclasses.dataclass
class Tally:
    """What one client, or all of them, saw.

    Args:
        seconds: Dictionary from signature to the seconds of good requests.
        failures: Lines about good requests that failed or were answered wrongly,
            and about bad ones that were not refused.
        refused: Count of refusals, by status code.
    """

    seconds: dict = dataclasses.field(
        default_factory=lambda: collections.defaultdict(list)
    )
    failures: list = dataclasses.field(default_factory=list)
    refused: collections.Counter = dataclasses.field(
        default_factory=collections.Counter
    )

    def add(self, other):
        for signature, seconds in other.seconds.items():
            self.seconds[signature] += seconds
        self.failures += other.failures
        self.refused += other.refused


class Load:
    """Requests, and the answers to the good ones.

    Args:
        path: Folder of the version that is served, with its manifest.
        address: `host:port` of gRPC.
        name: Name of the model.
        seed: Integer. Seed of the pictures.
    """

    def __init__(self, path, address, name, seed=0):
        self.address, self.name = address, name
        rng = np.random.default_rng(seed)
        self.good = [
            (signature, example_inputs(path, signature, size, rng))
            for signature in list_signatures(path)
            for size in BATCH_SIZES
        ]
        with GrpcClient(address, name) as client:
            self.answers = [client.predict(inputs, s) for s, inputs in self.good]
            self.bad = bad_requests(client.signatures(), dict(self.good))

    def run(self, seconds, clients=8):
        """Returns the `Tally` of clients that send at the same time."""
        tallies = [Tally() for _ in range(clients)]
        end = time.monotonic() + seconds
        threads = [
            threading.Thread(target=self._client, args=(tally, end, number))
            for number, tally in enumerate(tallies)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        total = Tally()
        for tally in tallies:
            total.add(tally)
        return total

    def _client(self, tally, end, number):
        choose = random.Random(number)
        with GrpcClient(self.address, self.name, deadline=60) as client:
            while time.monotonic() < end:
                if choose.random() < BAD:
                    self._send_bad(client, tally, choose.choice(self.bad))
                else:
                    self._send_good(client, tally, choose.randrange(len(self.good)))

    def _send_good(self, client, tally, index):
        signature, inputs = self.good[index]
        start = time.perf_counter()
        try:
            outputs = client.predict(inputs, signature)
        except ServingError as error:
            tally.failures.append(f"good request to {signature}: {error}")
            return
        tally.seconds[signature].append(time.perf_counter() - start)
        for name, expected in self.answers[index].items():
            if not _equal(outputs[name], expected):
                tally.failures.append(f"{name} of {signature} was another before")

    def _send_bad(self, client, tally, request):
        what, signature, inputs, outputs = request
        try:
            client.predict(inputs, signature, outputs)
            tally.failures.append(f"accepted: {what} by {signature}")
        except ServingError as error:
            tally.refused[error.code] += 1
            if error.code not in REFUSALS:
                tally.failures.append(f"{what} to {signature}: {error}")


def _equal(received, expected):
    if expected.dtype.kind != "f":
        return np.array_equal(received, expected)
    scale = max(1.0, float(np.abs(expected).max()))
    return bool(np.all(np.abs(received - expected) <= TOLERANCE * scale))
