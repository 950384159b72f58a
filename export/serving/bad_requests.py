"""Requests that a server must refuse, made from the signatures that it tells."""

import struct
import zlib

import numpy as np

GIF = (  # of one pixel
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff"
    b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"
)
REFUSALS = {"INVALID_ARGUMENT", "FAILED_PRECONDITION", "NOT_FOUND"}


def bad_requests(signatures, examples):
    """Returns what no server may answer or die of.

    Args:
        signatures: What `GrpcClient.signatures` returns.
        examples: Dictionary from signature to inputs that it takes.

    Returns:
        List of tuples: what is wrong, signature, inputs, names of outputs.
    """
    requests = [("signature", "absent", next(iter(examples.values())), ())]
    for signature, inputs in examples.items():
        first = next(iter(inputs))
        others = {name: value for name, value in inputs.items() if name != first}
        requests += [
            ("no input", signature, others, ()),
            ("two inputs too many", signature, {**inputs, "x": [1], "y": [1]}, ()),
            ("other input", signature, {**others, "absent": inputs[first]}, ()),
            ("other output", signature, inputs, ("absent",)),
        ]
        lenient = "valid" in signatures[signature]["outputs"]
        for what, value in _bad_values(inputs[first], lenient):
            requests.append((what, signature, {**inputs, first: value}, ()))
    return requests


def _bad_values(value, lenient):
    """Yields names and values instead of a good one."""
    yield "scalar", value.flat[0] if value.dtype == object else value.dtype.type(1)
    yield "rank", value[:, None]
    yield "dtype", np.zeros(value.shape, "int32")
    yield "no image", value[:0]
    if value.dtype != object:
        yield "flat", value.reshape(len(value), -1)
        yield "size 0", value[:, :0]
        yield "channels", np.repeat(value, 2, axis=-1)
        if value.dtype.kind == "f":
            yield "NaN", np.full_like(value, np.nan)
    elif not lenient:
        yield from _bad_pictures(value)


def _bad_pictures(value):
    for what, content in {
        "truncated": value[0][: len(value[0]) // 2],
        "foreign": b"%PDF-1.7" + bytes(100),
        "empty": b"",
        "GIF": GIF,
        "900 million pixels": large_png(30_000),
    }.items():
        yield what, np.array([content, *value[1:]], object)


def large_png(side):
    """Returns a PNG of zeros, gray, that announces side x side pixels in few bytes."""
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(
        bytes(1000 * (side + 1)), 9
    )  # a part, as long as it is refused
    chunks = (b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind, content):
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum
