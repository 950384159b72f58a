"""Program that writes what a model computes as an ONNX file."""

import argparse
import json

from keras_mae import load
from keras_mae.program import InputError, one_line_errors

from .command_line import add_output_arguments, chosen_outputs
from .manifest import read_manifest

EPILOG = """
examples:
  The encoder of a pre-trained model:
    python -m export.to_onnx --model runs/mae/model.keras --output vit.onnx

  The class token as the feature, products in int8, judged on pictures of one's own:
    python -m export.to_onnx --model model.keras --output vit.int8.onnx \\
        --outputs features --pooling token --quantize int8 --images photos/*.jpg

  A classifier that takes the pixels of images of another size than trained:
    python -m export.to_onnx --model runs/finetuned/model.keras \\
        --output classify.onnx --outputs logits probabilities --input uint8 \\
        --image_size 256 320

  Then check it in a fresh process:
    python -m export.verify --model model.keras vit.onnx

exit status: 0 written, 1 the model loses too much in this precision, 2 bad input
"""


def make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m export.to_onnx",
        description="Writes a model as ONNX (opset 18). The input `images` is NHWC, of "
        "one height and width, any number at once: normalised floats, or pixels. The "
        "file appears only after ONNX's checker, ONNX Runtime and a comparison with "
        "Keras have passed it; weights above 2 GiB lie beside it, in FILE.onnx.data.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model", required=True, help="a .keras file, or weights of another package"
    )
    parser.add_argument("--output", required=True, metavar="FILE.onnx")
    add_output_arguments(parser, without=["reconstruct"])
    parser.add_argument(
        "--input",
        choices=["float32", "uint8"],
        default="float32",
        help="float32: normalised images; uint8: pixels, normalised inside; of the "
        "model's size either way (default: %(default)s)",
    )
    parser.add_argument(
        "--image_size",
        nargs=2,
        type=int,
        metavar=("HEIGHT", "WIDTH"),
        help="another size than the model's, fixed in the file like the model's: "
        "sin-cos positions are computed anew, trained ones resized",
    )
    parser.add_argument(
        "--quantize",
        metavar="int8|fp16",
        help="int8: products of int8 weights, for CPUs; fp16: half the size, for GPUs "
        "(default: float32)",
    )
    parser.add_argument(
        "--images",
        nargs="+",
        default=[],
        metavar="FILE",
        help="JPEG and PNG files that --quantize is judged on, besides generated ones",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace the file, and those beside it, if they are there",
    )
    return parser


def main(argv=None):
    args = make_parser().parse_args(argv)
    with one_line_errors():
        write_onnx = _writer()
        chosen = chosen_outputs(args)
        model = load(args.model, compile=False)
        path = write_onnx(
            model,
            args.output,
            pixels=args.input == "uint8",
            image_size=args.image_size and tuple(args.image_size),
            quantization=args.quantize,
            images=args.images,
            overwrite=args.overwrite,
            **chosen,
        )
    manifest = read_manifest(path)
    print(f"wrote {path}: {_summary(manifest)}")
    names = ("quantization", "max_error", "min_cosine")
    results = {name: manifest[name] for name in names if manifest.get(name) is not None}
    print(json.dumps({"artifact": str(path), **results}))


def _summary(manifest):
    parameters, nodes = manifest["num_parameters"], manifest["num_nodes"]
    parts = [f"{parameters:,} parameters", f"{nodes} nodes"]
    if manifest["quantization"] is not None:
        parts.append(f"{manifest['quantization']}, cosine {manifest['min_cosine']:.5f}")
    return ", ".join([*parts, f"max error {manifest['max_error']:.1e}"])


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
