"""Program that writes the encoder of a model as an ONNX file."""

import argparse
import json

from keras_mae.program import InputError, one_line_errors
from keras_mae.weights import load_encoder

from .manifest import read_manifest

EPILOG = """
examples:
  The encoder of a pre-trained model:
    python -m export.to_onnx --model runs/mae/model.keras --output vit.onnx

  The class token as the feature, in place of the file that is there:
    python -m export.to_onnx --model model.keras --output vit.onnx \\
        --pooling token --overwrite

  Then check it in a fresh process:
    python -m export.verify --model model.keras vit.onnx
"""


def make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m export.to_onnx",
        description="Writes the encoder of a .keras file as ONNX (opset 18). The input "
        "`images` takes normalised float images, NHWC, any number at once; "
        "preprocessing stays outside and is described in the file's metadata. Outputs: "
        "`features`, one vector an image, and `tokens`, one vector a patch after the "
        "class token's. The file appears only after ONNX's checker, ONNX Runtime and a "
        "comparison with Keras have passed it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model", required=True, help="a .keras file that holds a ViTEncoder"
    )
    parser.add_argument("--output", required=True, metavar="FILE.onnx")
    parser.add_argument(
        "--pooling",
        default="gap",
        metavar="gap|token",
        help="features: mean of the patches, or class token (default: %(default)s)",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace the file, and its manifest, if they are there",
    )
    return parser


def main(argv=None):
    args = make_parser().parse_args(argv)
    with one_line_errors():
        write_onnx = _writer()
        encoder = load_encoder(args.model)
        path = write_onnx(encoder, args.output, args.pooling, args.overwrite)
    manifest = read_manifest(path)
    nodes, error = manifest["num_nodes"], manifest["max_error"]
    parameters = manifest["num_parameters"]
    print(
        f"wrote {path}: {parameters:,} parameters, {nodes} nodes, max error {error:.1e}"
    )
    print(json.dumps({"artifact": str(path), "max_error": error}))


def _writer():
    try:
        from .onnx_file import write_onnx
    except ModuleNotFoundError as error:
        raise InputError(
            f"writing ONNX needs {error.name}: pip install 'keras-mae[export]'"
        ) from error
    return write_onnx


if __name__ == "__main__":
    main()
