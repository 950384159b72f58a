"""Program that sends good and bad requests to the local server for a while."""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

from keras_mae.program import InputError, one_line_errors

from .saved_model import list_versions, write_saved_model
from .serving_kit import tiny_encoder

EPILOG = """
examples:
  Ten minutes, eight clients:
    python -m export.soak --model_dir served/vit --seconds 600

  A small model without training, for a minute:
    python -m export.soak --tiny --seconds 60

The server runs in a process of its own, whose resident memory is read every second from
/proc (Linux). Good requests go to every signature, one to four images each, and
their answers are compared with the first ones. Three requests in ten are bad: wrong
ranks, sizes, types and names, truncated and foreign bytes, and a PNG that announces
900 million pixels; each has to be refused.

exit status: 0 every good request was answered well, every bad one was refused, and
memory did not grow by more than --growth; 1 otherwise; 2 bad input
"""
WARMUP = 0.2  # part of the time after which memory may not grow


def make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m export.soak",
        description="Starts export.local_server on a SavedModel, sends it good and bad "
        "requests from several clients at once, and reports latencies and memory. The "
        "last line is JSON.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--model_dir", metavar="DIR/NAME", help="folder of all versions")
    model.add_argument(
        "--tiny", action="store_true", help="a small encoder that has learnt nothing"
    )
    parser.add_argument(
        "--seconds", type=float, default=600, help="how long (default: %(default)s)"
    )
    parser.add_argument(
        "--clients", type=int, default=8, help="at the same time (default: %(default)s)"
    )
    parser.add_argument(
        "--growth",
        type=float,
        default=32,
        metavar="MB",
        help="of the server's memory after the first fifth of the time, at most "
        "(default: %(default)s)",
    )
    return parser


def main(argv=None):
    args = make_parser().parse_args(argv)
    with one_line_errors(), tempfile.TemporaryDirectory() as folder:
        _check(args)
        directory = Path(args.model_dir or folder) / ("" if args.model_dir else "tiny")
        if args.tiny:
            write_saved_model(tiny_encoder(), directory)
        results = soak(directory, args.seconds, args.clients)
    results["ok"] = not results["failures"] and results["growth_mb"] <= args.growth
    print(format_report(results))
    print(json.dumps(results))
    sys.exit(0 if results["ok"] else 1)


def soak(directory, seconds, clients=8):
    """Returns latencies, failures and memory, as a dictionary that JSON can hold."""
    from .serving.load import Load

    versions = list_versions(directory)
    if not versions:
        raise InputError(f"{directory} holds no version of a model")
    with _started(directory) as (server, port):
        memory = Memory(server.pid)
        path = Path(directory) / str(versions[-1])
        load = Load(path, f"localhost:{port}", Path(directory).resolve().name)
        memory.start(seconds)
        tally = load.run(seconds, clients)
        samples = memory.stop()
        alive = server.poll() is None
    return summarize(tally, samples, seconds, clients, alive)


def summarize(tally, samples, seconds, clients, alive):
    """Returns the figures of a run; `samples` are bytes of memory, in time's order."""
    every = [value for values in tally.seconds.values() for value in values]
    first = samples[int(len(samples) * WARMUP) :]
    tenth = max(1, len(first) // 10)
    start, end = (float(np.median(part)) for part in (first[:tenth], first[-tenth:]))
    failures = list(tally.failures) + ([] if alive else ["the server died"])
    return {
        "seconds": seconds,
        "clients": clients,
        "good": len(every),
        "refused": dict(tally.refused),
        "failures": len(failures),
        "first_failures": sorted(set(failures))[:10],
        "latency_ms": {
            name: _percentiles(values)
            for name, values in {"all": every, **tally.seconds}.items()
        },
        "memory_mb": round(end / 1e6, 1),
        "growth_mb": round((end - start) / 1e6, 1),
        "peak_mb": round(max(samples) / 1e6, 1),
    }


def format_report(results):
    refused = sum(results["refused"].values())
    lines = [
        f"{results['good']} good requests answered, {refused} bad ones refused, "
        f"{results['failures']} failures",
        *results["first_failures"],
        f"memory {results['memory_mb']} MB at the end, {results['growth_mb']:+} MB "
        f"since a fifth of the time, peak {results['peak_mb']} MB",
    ]
    for name, values in results["latency_ms"].items():
        lines.append(
            f"{name:20} p50 {values['p50']:8.1f} ms   p99 {values['p99']:8.1f} ms"
        )
    return "\n".join(lines)


class Memory:
    """Reads the resident memory of a process every second, or more often."""

    def __init__(self, pid):
        self.file, self.samples = Path(f"/proc/{pid}/statm"), []
        self._done = threading.Event()

    def start(self, seconds):
        self._pause = min(1.0, seconds / 50)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def stop(self):
        """Returns the samples, in bytes."""
        self._done.set()
        self._thread.join()
        return self.samples

    def _read(self):
        while not self._done.wait(self._pause) or not self.samples:
            try:
                pages = int(self.file.read_text().split()[1])
            except (OSError, IndexError):  # the process has ended
                pages = 0
            self.samples.append(pages * 4096)


def _check(args):
    if not Path("/proc/self/statm").exists():
        raise InputError("memory is read from /proc, which Linux alone has")
    if not args.seconds > 0 or args.clients < 1:
        raise InputError("--seconds must exceed 0, and --clients be 1 or more")


@contextlib.contextmanager
def _started(directory):
    """Starts a server on free ports, and ends it; yields it and the port of gRPC."""
    command = [sys.executable, "-m", f"{__package__}.local_server"]
    command += ["--model_dir", str(directory), "--port", "0", "--rest_port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            line = server.stdout.readline()
            if not line:
                raise InputError("the server did not start; its message is above")
            yield server, json.loads(line)["port"]
        finally:
            server.terminate()


def _percentiles(seconds):
    if not seconds:
        return {"p50": 0.0, "p99": 0.0}
    p50, p99 = np.percentile(np.array(seconds) * 1000, [50, 99])
    return {"p50": round(float(p50), 2), "p99": round(float(p99), 2)}


if __name__ == "__main__":
    main()
