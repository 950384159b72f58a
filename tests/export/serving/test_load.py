import os

import numpy as np
import tensorflow as tf

from export.serving.bad_requests import GIF, bad_requests, large_png
from export.serving.client.over_grpc import GrpcClient
from export.serving.load import Load, Tally
from export.soak import Memory, format_report, summarize


def test_bad_pictures_are_what_they_are_called():
    assert tf.io.decode_gif(GIF).shape == (1, 1, 1, 3)
    png = large_png(30_000)
    assert len(png) < 40_000
    assert int.from_bytes(png[16:20]) == int.from_bytes(png[20:24]) == 30_000
    small = large_png(5)  # which is complete
    assert tf.io.decode_png(small).shape == (5, 5, 1)


def test_bad_requests_name_every_signature():
    signatures = {"a": {"outputs": {}}, "b": {"outputs": {"valid": {}}}}
    pictures = np.array([b"picture", b"picture"], object)
    examples = {"a": {"image_bytes": pictures}, "b": {"image_bytes": pictures}}
    requests = bad_requests(signatures, examples)
    kinds = {name: [r[0] for r in requests if r[1] == name] for name in "ab"}
    assert {"GIF", "empty", "truncated", "rank", "no image"} <= set(kinds["a"])
    assert "GIF" not in kinds["b"]  # which answers with a flag


def test_every_bad_request_is_refused(saved_model, address):
    load = Load(saved_model, address, "vit")
    tally = Tally()
    with GrpcClient(address, "vit") as client:
        for request in load.bad:
            load._send_bad(client, tally, request)
    assert tally.failures == []
    assert sum(tally.refused.values()) == len(load.bad) > 30


def test_clients_are_answered_as_before(saved_model, address):
    load = Load(saved_model, address, "vit")
    tally = load.run(0.5, clients=2)
    assert tally.failures == []
    assert tally.seconds
    name, array = next(iter(load.answers[0].items()))
    load.answers[0][name] = array + 1
    with GrpcClient(address, "vit") as client:
        load._send_good(client, tally, 0)
    assert tally.failures == [f"{name} of {load.good[0][0]} was another before"]


def test_growth_is_counted_after_a_fifth_of_the_time():
    tally = Tally({"a": [0.001, 0.003]}, [], {"NOT_FOUND": 2})
    samples = [100e6] * 20 + [200e6] * 40 + [203e6] * 40
    results = summarize(tally, samples, 10, 2, True)
    assert results["growth_mb"] == 3
    assert results["memory_mb"] == results["peak_mb"] == 203
    assert results["latency_ms"]["a"]["p50"] == 2
    assert results["failures"] == 0
    assert "2 good requests answered, 2 bad ones refused" in format_report(results)
    assert summarize(tally, samples, 10, 2, False)["first_failures"] == [
        "the server died"
    ]


def test_memory_of_a_process_is_read():
    memory = Memory(os.getpid())
    memory.start(1)
    (first, *_) = memory.stop()
    assert 1e7 < first < 1e11
