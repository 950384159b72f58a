"""Program that writes a model as a SavedModel for TF Serving."""

import argparse
import json

from keras_mae import load
from keras_mae.program import checking_input, one_line_errors

from .command_line import (
    add_output_arguments,
    add_precision_argument,
    chosen_outputs,
)
from .decoding import BYTE_CHANNELS
from .limits import Limits
from .manifest import read_manifest
from .saved_model import write_saved_model

EPILOG = """
examples:
  The encoder of a pre-trained model, as version 1 of the served model `vit`:
    python -m export.to_saved_model --model runs/mae/model.keras --output served/vit

  The class token as the feature, and short answers over REST:
    python -m export.to_saved_model --model model.keras --output served/vit \\
        --outputs features --pooling token

  A classifier that names the three likeliest classes:
    python -m export.to_saved_model --model runs/finetuned/model.keras \\
        --output served/flowers --outputs classes probabilities --top 3

  How badly each patch is predicted, and reconstructions under a mask of one's own:
    python -m export.to_saved_model --model runs/mae/model.keras \\
        --output served/mae --outputs error_map reconstruct

  Half the size, and faster on CPUs with AMX (on others, time both first):
    python -m export.to_saved_model --model model.keras --output served/vit \\
        --precision bfloat16

  Then check it in a fresh process:
    python -m export.verify --model model.keras served/vit/1
"""


def make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m export.to_saved_model",
        description="Writes a model as OUTPUT/VERSION/, a SavedModel for TF Serving. "
        "Its signatures: serving_default takes normalised float images, serve_uint8 "
        "takes pixels of any size, serve_bytes takes JPEG and PNG files, and "
        "serve_bytes_lenient answers with zeros and a flag for those that are none; "
        "all but the first preprocess inside. Each returns the same outputs. The "
        "result is compared with Keras before it appears; nothing is overwritten.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model", required=True, help="a .keras file, or weights of another package"
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="DIR/NAME",
        help="folder of all versions; NAME is the name of the served model",
    )
    parser.add_argument(
        "--version", type=int, help="number of the version (default: the next free one)"
    )
    add_output_arguments(parser)
    add_precision_argument(parser)
    defaults = Limits()
    parser.add_argument(
        "--max_batch",
        type=int,
        default=defaults.max_batch,
        help="images of a request, at most (default: %(default)s)",
    )
    parser.add_argument(
        "--max_pixels",
        type=int,
        default=defaults.max_pixels,
        help="pixels of a picture, at most: larger ones are refused by their headers "
        "(default: %(default)s)",
    )
    return parser


def main(argv=None):
    args = make_parser().parse_args(argv)
    with one_line_errors():
        chosen = chosen_outputs(args)
        with checking_input():
            limits = Limits(args.max_batch, args.max_pixels)
        model = load(args.model, compile=False)
        path = write_saved_model(
            model, args.output, args.version, limits, args.precision, **chosen
        )
    manifest = read_manifest(path)
    if manifest["preprocessing"]["num_channels"] not in BYTE_CHANNELS:
        print(
            "serve_bytes was left out: JPEG and PNG hold 1, 3 or 4 channels, "
            f"this model takes {manifest['preprocessing']['num_channels']}"
        )
    error, parameters = manifest["max_error"], manifest["num_parameters"]
    print(f"wrote {path}: {parameters:,} parameters, max error {error:.1e}")
    print(json.dumps({"artifact": str(path), "max_error": error}))


if __name__ == "__main__":
    main()
