"""Program that compares exported artifacts with the model they came from."""

import argparse
import json
import math
import sys

from keras_mae import load
from keras_mae.program import InputError, one_line_errors

from .verification import verify_artifacts

EPILOG = """
examples:
  python -m export.verify --model model.keras served/vit/1 vit.onnx

  On pictures of one's own, too:
  python -m export.verify --model model.keras served/vit/1 --images cat.jpg dog.png

exit status: 0 all equal, 1 one differs or does not load, 2 bad input
"""
HEADINGS = ("artifact", "endpoint", "max error", "latency ms", "size", "")


def make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m export.verify",
        description="Loads each artifact in a fresh process that knows nothing of "
        "Keras models, runs every endpoint on the same inputs as the model, and prints "
        "a table. Inputs: normalised random images, one and three at once; pictures of "
        "odd sizes as pixels and as JPEG and PNG files. Latency: one image, "
        "preprocessing included where the endpoint has it, median of up to 20 runs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", required=True, help="the .keras file exported from")
    parser.add_argument(
        "artifacts",
        nargs="+",
        metavar="ARTIFACT",
        help="folder of a SavedModel's version, or .onnx file",
    )
    parser.add_argument(
        "--images",
        nargs="+",
        default=[],
        metavar="FILE",
        help="JPEG and PNG files to compare on, besides the random ones",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=1e-4,
        help="largest difference that passes (default: %(default)s), relative to "
        "the largest value where that exceeds 1",
    )
    return parser


def main(argv=None):
    args = make_parser().parse_args(argv)
    with one_line_errors():
        if not args.tolerance > 0:
            raise InputError(f"--tolerance must exceed 0. Received: {args.tolerance}")
        model = load(args.model, compile=False)
        rows = verify_artifacts(model, args.artifacts, args.images, args.tolerance)
    print(format_table(rows))
    ok = all(row["ok"] for row in rows)
    results = [{key: _finite(value) for key, value in row.items()} for row in rows]
    print(json.dumps({"ok": ok, "tolerance": args.tolerance, "results": results}))
    sys.exit(0 if ok else 1)


def format_table(rows):
    """Returns the rows as aligned text, problems at the ends of their lines."""
    lines = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_align(line, widths) for line in lines)


def _cells(row):
    verdict = "ok" if row["ok"] else "DIFFERS"
    if row["min_cosine"] is not None:
        verdict += f" (quantized: cosine {row['min_cosine']:.5f})"
    return (
        row["artifact"],
        row["endpoint"],
        _number(row["max_error"], ".1e"),
        _number(row["latency_ms"], ".2f"),
        _megabytes(row["bytes"]),
        row["problem"] or verdict,
    )


def _align(cells, widths):
    text, numbers, last = cells[:2], cells[2:-1], cells[-1]
    left = [cell.ljust(width) for cell, width in zip(text, widths, strict=False)]
    right = [c.rjust(w) for c, w in zip(numbers, widths[2:-1], strict=True)]
    return "  ".join([*left, *right, last]).rstrip()


def _number(value, form):
    return "-" if value is None else format(value, form)


def _megabytes(size):
    return f"{size / 1e6:.2f} MB"


def _finite(value):
    """JSON has no NaN or infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


if __name__ == "__main__":
    main()
