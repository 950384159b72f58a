"""Program that writes a SavedModel with everything TF Serving needs beside it."""

import argparse
import json

import keras

from keras_mae import load
from keras_mae.layers import ViTEncoder
from keras_mae.program import InputError, one_line_errors

from .command_line import (
    add_output_arguments,
    add_precision_argument,
    chosen_outputs,
)
from .manifest import read_manifest

EPILOG = """
examples:
  Version 1 of the model `vit`, ready for TF Serving:
    python -m export.serving_kit --model runs/mae/model.keras --output served
    cd served/kit-1 && docker compose up

  The same on this machine, without Docker:
    python -m export.local_server --model_dir served/vit \\
        --model_config_file served/kit-1/config/models.config

  A classifier, of which clients ask for pictures one or eight at a time:
    python -m export.serving_kit --model runs/finetuned/model.keras --output served \\
        --name flowers --outputs classes probabilities --batch_sizes 1 8

  A small model without training, to try all of this in a minute:
    python -m export.serving_kit --tiny --output /tmp/served

what is written:
  OUTPUT/NAME/N/     SavedModel with assets.extra/tf_serving_warmup_requests
  OUTPUT/kit-N/      config/ (versions and labels, batching, metrics),
                     docker-compose.yml, README.md, serving_client/ (Python, gRPC and
                     REST, without TensorFlow)
N is the next free number; nothing is overwritten. With versions before it, the new one
is labelled `canary`, and `stable` stays where it is.
"""


def make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m export.serving_kit",
        description="Writes a model as a SavedModel, as export.to_saved_model does, "
        "with requests that warm a server up, and beside it a folder with the "
        "configuration of TF Serving, a docker-compose file, instructions and clients. "
        "The model is compared with Keras and the warm-up requests are run first.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--model", help="a .keras file, or weights of another package")
    model.add_argument(
        "--tiny", action="store_true", help="a small encoder that has learnt nothing"
    )
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="folder of the model and kits"
    )
    parser.add_argument(
        "--name", default="vit", help="of the served model (default: %(default)s)"
    )
    parser.add_argument(
        "--batch_sizes",
        type=int,
        nargs="+",
        default=(1, 8, 32),
        metavar="N",
        help="of the warm-up requests; the largest is that of batches which the "
        "server makes (default: 1 8 32)",
    )
    add_output_arguments(parser)
    add_precision_argument(parser)
    return parser


def main(argv=None):
    args = make_parser().parse_args(argv)
    with one_line_errors():
        write_kit = _writer()
        model = tiny_encoder() if args.tiny else load(args.model, compile=False)
        chosen = {**chosen_outputs(args), "precision": args.precision}
        kit, path = write_kit(model, args.output, args.name, args.batch_sizes, **chosen)
    manifest = read_manifest(path)
    error, requests = manifest["max_error"], len(manifest["warmup"])
    print(f"wrote {path}: max error {error:.1e}, {requests} warm-up requests")
    print(f"wrote {kit}: read {kit / 'README.md'}")
    print(
        json.dumps(
            {
                "artifact": str(path),
                "kit": str(kit),
                "max_error": error,
                "warmup_requests": requests,
            }
        )
    )


def tiny_encoder():
    """Returns an encoder of 32 x 32 pixels that runs in a millisecond."""
    keras.utils.set_random_seed(0)
    return ViTEncoder(image_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=2)


def _writer():
    try:
        from .serving.kit import write_kit
    except ModuleNotFoundError as error:
        raise InputError(
            f"a serving kit needs {error.name}: pip install 'keras-mae[export]'"
        ) from error
    return write_kit


if __name__ == "__main__":
    main()
