"""Changes the format of a model's file, without PyTorch.

    keras-mae convert SRC DST

The last line is JSON: what was written.
"""

import argparse
import json
import time
from pathlib import Path

import keras

from ..program import one_line_errors
from .load import load
from .overrides import add_set_argument, parse_overrides
from .save import check_destination, format_of, save

_EPILOG = """
SRC is a .keras, .pth, .pt or .safetensors file, the index of shards
(.safetensors.index.json), or a folder of Hugging Face. The end of DST tells the
format to write:
  .keras         for keras_mae.load, training and export
  .safetensors   under the names of the authors' code and of timm
  anything else  a folder of Hugging Face, for transformers

examples:
  A checkpoint of the authors' code:
    keras-mae convert mae_pretrain_vit_base.pth encoder.keras

  A model of this package for transformers' ViTMAEForPreTraining:
    keras-mae convert runs/mae/model.keras vit-mae-digits

  A width that no preset has; the file does not tell its heads:
    keras-mae convert checkpoint.pth mae.keras --set num_heads=6 decoder_num_heads=8

  Other images: positions and patch embedding are fitted:
    keras-mae convert vit-mae-base grey.keras --set image_size=256,128 num_channels=1
"""


def make_parser():
    parser = argparse.ArgumentParser(
        description="Reads a model from one kind of file and writes it as another. "
        "Weights keep their values; nothing in SRC is executed, and DST appears "
        "complete or not at all.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", metavar="SRC")
    parser.add_argument("destination", metavar="DST")
    add_set_argument(parser)
    parser.add_argument(
        "--allow_missing_decoder",
        action="store_true",
        help="make a MaskedAutoencoder of an encoder alone; its decoder is random",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace a file that is there; a folder is never replaced",
    )
    return parser


def main(argv=None):
    """Converts a file; returns the results as a dictionary."""
    args, start = make_parser().parse_args(argv), time.monotonic()
    with one_line_errors():
        check_destination(args.destination, args.overwrite)
        model = load(
            args.source,
            compile=False,
            allow_missing_decoder=args.allow_missing_decoder,
            progress=_bar("reading"),
            **parse_overrides(args.set),
        )
        if Path(args.source).suffix == ".keras":
            print(f"{args.source}: a {type(model).__name__} saved by Keras")
        path = save(model, args.destination, args.overwrite, _bar("writing"))
    results = {
        "artifact": str(path),
        "format": format_of(path),
        "model": type(model).__name__,
        "num_parameters": model.count_params(),
        "bytes": _size(path),
        "seconds": round(time.monotonic() - start, 1),
    }
    print("wrote {artifact}: {model}, {num_parameters:,} parameters".format(**results))
    print(json.dumps(results))
    return results


def _bar(doing):
    """Returns a function that passes a list on and shows how much of it is done."""

    def progress(items):
        print(doing)
        bar = keras.utils.Progbar(len(items), unit_name="tensor")
        for i, item in enumerate(items, 1):
            yield item
            bar.update(i)

    return progress


def _size(path):
    """Bytes of a file, or of all files of a folder."""
    files = path.iterdir() if path.is_dir() else [Path(path)]
    return sum(file.stat().st_size for file in files)


if __name__ == "__main__":
    main()
