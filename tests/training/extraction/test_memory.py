"""Memory does not grow with the data: the peak of processes, as the system counts."""

import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="not Linux"),
]

MEGABYTE = 1 << 20


def write_records(folder, count):
    """Writes noise, 12 kB an image, and returns the data spec and its bytes."""
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 64, 3)).astype("uint8")
    records = [record(tf.io.encode_png(pixels).numpy()) for pixels in noise]
    path = folder / "train-00000-of-00001"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number in range(count):
            writer.write(records[number % len(records)])
    return f"tfrecord:{path}", path.stat().st_size


def record(encoded):
    content = tf.train.Feature(bytes_list=tf.train.BytesList(value=[encoded]))
    features = tf.train.Features(feature={"image/encoded": content})
    return tf.train.Example(features=features).SerializeToString()


def peak_memory(*arguments):
    """Returns the bytes of memory that extracting takes, at most."""
    # Not `getrusage`, whose peak of a child begins with its parent's memory.
    process = subprocess.Popen(
        [sys.executable, "-m", "training.extract", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
    )
    status, peak = Path(f"/proc/{process.pid}/status"), 0
    while process.poll() is None:
        if found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text()):
            peak = 1024 * int(found[1])
        time.sleep(0.02)
    assert process.returncode == 0
    return peak


def test_memory_does_not_grow_with_the_data(onnx_file, tmp_path):
    peaks, sizes = [], []
    for count in (2_000, 20_000):
        data, size = write_records(tmp_path / str(count), count)
        output = tmp_path / f"of_{count}"
        peaks.append(
            peak_memory("--model", onnx_file, "--data", data, "--output", output)
        )
        sizes.append(size)
    assert sizes[1] - sizes[0] > 200 * MEGABYTE
    assert peaks[1] - peaks[0] < 40 * MEGABYTE
