"""Program that writes the encoder of a model as a SavedModel for TF Serving."""

import argparse
import json

from keras_mae.program import one_line_errors
from keras_mae.weights import load_encoder

from .manifest import read_manifest
from .saved_model import write_saved_model

EPILOG = """
examples:
  The encoder of a pre-trained model, as version 1 of the served model `vit`:
    python -m export.to_saved_model --model runs/mae/model.keras --output served/vit

  The class token as the feature, and short answers over REST:
    python -m export.to_saved_model --model model.keras --output served/vit \\
        --pooling token --no-tokens

  Then check it in a fresh process:
    python -m export.verify --model model.keras served/vit/1
"""


def make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m export.to_saved_model",
        description="Writes the encoder of a .keras file as OUTPUT/VERSION/, a "
        "SavedModel with three signatures: serving_default takes normalised float "
        "images, serve_uint8 takes pixels of any size, serve_bytes takes JPEG and PNG "
        "files; the last two preprocess inside. Each returns features, one vector an "
        "image, and tokens, one vector a patch after the class token's. The result is "
        "compared with Keras before it appears; nothing is overwritten.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model", required=True, help="a .keras file that holds a ViTEncoder"
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
    parser.add_argument(
        "--pooling",
        default="gap",
        metavar="gap|token",
        help="features: mean of the patches, or class token (default: %(default)s)",
    )
    parser.add_argument(
        "--tokens",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether the tokens are returned beside the features (default: yes)",
    )
    return parser


def main(argv=None):
    args = make_parser().parse_args(argv)
    with one_line_errors():
        encoder = load_encoder(args.model)
        path = write_saved_model(
            encoder, args.output, args.version, args.pooling, args.tokens
        )
    manifest = read_manifest(path)
    if "serve_bytes" not in manifest["signatures"]:
        print(
            "serve_bytes was left out: JPEG and PNG hold 1, 3 or 4 channels, "
            f"this model takes {encoder.num_channels}"
        )
    error, parameters = manifest["max_error"], manifest["num_parameters"]
    print(f"wrote {path}: {parameters:,} parameters, max error {error:.1e}")
    print(json.dumps({"artifact": str(path), "max_error": error}))


if __name__ == "__main__":
    main()
