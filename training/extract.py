"""Writes the features of a data set: `python -m training.extract --help`."""

import hashlib
import json
import sys

import numpy as np

from keras_mae.program import InputError, one_line_errors

from .command_line import add_data_arguments, program_parser
from .data import load_source
from .data.load import SPLITS
from .extraction.extract_features import extract_features
from .extraction.extractor import digest_of, open_extractor
from .extraction.layout import Layout
from .workdir import open_workdir

CONFIG = "_config.json"  # which readers of Parquet folders pass over
NAMES_COMPARED, NAMES_SHOWN = 1000, 3


def extract(
    model,
    data,
    output,
    *,
    split="train",
    data_dir=None,
    pooling=None,
    layout=None,
    batch_size=64,
    shard=(0, 1),
):
    """Writes the features of a data set's split into a folder, or goes on with it.

    Args:
        model, pooling: See `open_extractor`.
        data, split, data_dir: See `training.data.load_source`.
        output: Path of the folder.
        layout, batch_size, shard: See `extract_features`.

    Returns:
        The results as a dictionary.

    Raises:
        InputError: Data or model cannot be used, or the folder holds others' features.
        RunError: The data are no longer there.
    """
    layout, extractor = layout or Layout(), open_extractor(model, pooling)
    source = load_source(data, split, data_dir, check=False)
    output = open_workdir(
        output,
        layout,
        "--output",
        CONFIG,
        data=data,
        split=split,
        examples=source.num_examples,
        names_sha256=_digest_of_names(source),
        class_names=source.class_names,
        model_sha256=digest_of(model),
        pooling=pooling,
    )
    results = extract_features(extractor, source, output, layout, batch_size, shard)
    if source.skipped:
        _tell(source.skipped)
    return {
        "program": "extract",
        "output": str(output),
        "runtime": extractor.kind,
        **results,
    }


def _digest_of_names(source):
    """Returns a hash of names all over the data, that tells other data by the order."""
    count = min(source.num_examples, NAMES_COMPARED)
    places = np.linspace(0, source.num_examples - 1, count).astype(int)
    names = [source.name_of(place) for place in places]
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()


def _tell(skipped):
    listing = ", ".join(skipped[:NAMES_SHOWN])
    listing += ", ..." if len(skipped) > NAMES_SHOWN else ""
    print(f"left out {len(skipped)} images, not readable: {listing}", file=sys.stderr)


def _shard(text):
    index, _, workers = text.partition("/")
    if not (index.isdecimal() and workers.isdecimal()):
        raise InputError(f"--shard is I/N, such as 0/4. Received: {text}")
    return int(index), int(workers)


def _parser():
    parser = program_parser(
        "Writes the features of every image of a data set, a row each, by a Keras "
        "model, a SavedModel or ONNX Runtime. Files appear complete; run again with "
        "the same command, an interrupted run goes on with the first one missing. "
        "Several processes share the files by --shard. The last line is JSON.",
        [
            "python -m training.extract --model vit.onnx --data folder:photos "
            "--output features",
            "python -m training.extract --model served/vit/1 --data tfrecord:records "
            "--output features --shard 0/4",
            "python -c 'import pandas; print(pandas.read_parquet(\"features\"))'",
        ],
    )
    parser.add_argument(
        "--model",
        required=True,
        help="a .keras file or weights of another package, the folder of a "
        "SavedModel's version, or an .onnx file",
    )
    add_data_arguments(parser)
    parser.add_argument("--output", required=True, metavar="DIR", help="folder")
    parser.add_argument("--split", default="train", help=f"one of: {', '.join(SPLITS)}")
    parser.add_argument(
        "--format", default="parquet", help="parquet or npz (default: %(default)s)"
    )
    parser.add_argument(
        "--pooling",
        metavar="gap|token",
        help="of a Keras model: mean of the patches or class token (default: a "
        "classifier's own, otherwise gap)",
    )
    parser.add_argument(
        "--rows_per_file",
        type=int,
        default=4096,
        help="what a killed run loses, at most (default: %(default)s)",
    )
    parser.add_argument(
        "--batch_size", type=int, default=64, help="images (default: %(default)s)"
    )
    parser.add_argument(
        "--shard",
        default="0/1",
        metavar="I/N",
        help="which of how many processes this is, I from 0 (default: %(default)s)",
    )
    return parser


def main(argv=None):
    """Runs the program; returns its results."""
    arguments = _parser().parse_args(argv)
    with one_line_errors():
        results = extract(
            arguments.model,
            arguments.data,
            arguments.output,
            split=arguments.split,
            data_dir=arguments.data_dir,
            pooling=arguments.pooling,
            layout=Layout(arguments.format, arguments.rows_per_file),
            batch_size=arguments.batch_size,
            shard=_shard(arguments.shard),
        )
    print(json.dumps(results))
    return results


if __name__ == "__main__":
    main()
