import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf

from export.limits import Limits

PIXELS = np.zeros((6, 5, 3), "uint8")


def png_header(width, height):
    """A PNG that announces pixels and holds none."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    checksum = struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + checksum


def jpeg_header(width, height):
    """A JPEG whose frame header announces another size than its scan holds."""
    jpeg = tf.io.encode_jpeg(PIXELS).numpy()
    frame = jpeg.index(b"\xff\xc0")
    return jpeg[: frame + 5] + struct.pack(">HH", height, width) + jpeg[frame + 9 :]


def refused(match):
    return pytest.raises(tf.errors.InvalidArgumentError, match=match)


@pytest.mark.parametrize("encode", [tf.io.encode_png, tf.io.encode_jpeg])
def test_pictures_pass_unchanged(encode):
    content = encode(PIXELS)
    assert Limits(max_pixels=30).check_bytes(content).numpy() == content.numpy()


@pytest.mark.parametrize("encode", [tf.io.encode_png, tf.io.encode_jpeg])
def test_one_pixel_too_many_is_refused(encode):
    with refused("(?s)a picture has 1 to 29 pixels .*6.*5"):
        Limits(max_pixels=29).check_bytes(encode(PIXELS))


@pytest.mark.parametrize(
    "content",
    [
        png_header(30_000, 30_000),
        png_header(2**31 - 1, 2**31 - 1),
        png_header(2**32 - 1, 1),
        png_header(0, 3),
        jpeg_header(30_000, 30_000),
        jpeg_header(65_500, 1),
    ],
)
def test_headers_that_announce_too_much_are_refused(content):
    with refused("a picture has 1 to 50000000 pixels and no side of more than 100"):
        Limits().check_bytes(content)


@pytest.mark.parametrize(
    "content",
    [b"", b"text", b"GIF89a" + bytes(50), b"BM" + bytes(60), png_header(9, 9)[:30]],
)
def test_other_files_are_refused(content):
    with refused(f"(?s)expected the bytes of a JPEG or PNG file; .*{len(content)}"):
        Limits().check_bytes(content)


def test_truncated_jpeg_header_is_refused():
    with refused("[Ii]nvalid JPEG"):
        Limits().check_bytes(tf.io.encode_jpeg(PIXELS).numpy()[:20])


def test_limits_are_at_least_one():
    with pytest.raises(ValueError, match="`max_pixels` must be at least 1. Received"):
        Limits(max_pixels=0)
