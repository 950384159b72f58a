"""Writes features by Apache Beam: `python -m training.extract_beam --help`."""

import importlib
import json
import os

import tensorflow as tf

from keras_mae.program import InputError, one_line_errors, unknown

from .command_line import program_parser
from .data.load import split_options
from .extraction.artifact import read_artifact

KINDS = ("tfrecord", "files")


def extract_beam(model, data, output, batch_size=64, options=()):
    """Runs the pipeline of `ExtractFeatures` on the runner that the options name.

    Args:
        model: Path of an `.onnx` file or of a SavedModel's version.
        data: `"tfrecord:GLOB"` or `"files:GLOB"`.
        output: Folder.
        batch_size: Integer. Images at a time, at most.
        options: List of strings, options of Beam.

    Returns:
        The results as a dictionary; `rows` and `unreadable` are what Beam counted.

    Raises:
        InputError: The model cannot be used, no file matches, or the folder holds
            features.
    """
    beam_pipeline, artifact = _library(), read_artifact(model)
    pattern, labels_from = _files_of(data)
    if not (pattern and beam_pipeline.has_match(pattern)):
        raise InputError(
            f"no files match {pattern!r}; expected a glob, such as "
            "tfrecord:imagenet/train-*-of-* or files:photos/**.jpg"
        )
    beam_pipeline.make_prepare(artifact.image_input, labels_from)  # or raises
    _check_output(output)
    transform = beam_pipeline.ExtractFeatures(
        str(model),
        artifact,
        pattern,
        str(output),
        labels_from,
        _checked_batch(batch_size, artifact.max_batch),
    )
    return {
        "program": "extract_beam",
        "output": str(output),
        "runtime": artifact.kind,
        **beam_pipeline.run_pipeline(transform, list(options)),
    }


def _files_of(data):
    """Returns the pattern of files, and the first label of TFRecords or `None`."""
    kind, _, where = data.partition(":")
    if kind not in KINDS:
        raise unknown("kind of data", kind, KINDS)
    pattern, settings = split_options(kind, where)
    return pattern, settings.get("labels_from", 0) if kind == "tfrecord" else None


def _check_output(output):
    if tf.io.gfile.glob(os.path.join(output, "part-*")):
        raise InputError(f"{output} holds features already; use another --output")


def _checked_batch(batch_size, most):
    if not 1 <= batch_size <= (most or batch_size):
        raise InputError(
            f"--batch_size is 1 to {most or 'any number'}, as the model was exported. "
            f"Received: {batch_size}"
        )
    return batch_size


def _library():
    try:
        return importlib.import_module(".extraction.beam_pipeline", __package__)
    except ModuleNotFoundError as error:
        raise InputError(
            f"this program needs {error.name}: pip install 'keras-mae[beam]', in an "
            "environment of its own, as Beam wants an older protobuf"
        ) from error


def _parser():
    parser = program_parser(
        "Writes features of images by Apache Beam, on as many machines as its runner "
        "has: a row for each image, in Parquet. What is not listed below goes to Beam. "
        "All machines open model, data and output by the same names, and have "
        "keras-mae[beam]. The last line is JSON.",
        [
            "python -m training.extract_beam --model vit.onnx --data "
            "'tfrecord:records/train-*' --output features",
            "python -m training.extract_beam --model served/vit/1 --data "
            "'files:photos/**.jpg' --output features \\\n"
            "      --direct_num_workers 4 --direct_running_mode multi_processing",
            "python -m training.extract_beam --model vit.onnx --data "
            "'tfrecord:records/train-*' --output features \\\n"
            "      --runner FlinkRunner --flink_master HOST:8081",
        ],
    )
    parser.add_argument(
        "--model",
        required=True,
        help="an .onnx file, or the folder of a SavedModel's version",
    )
    parser.add_argument(
        "--data",
        required=True,
        metavar="KIND:GLOB",
        help="tfrecord:GLOB (,labels_from=1 where that is the first label), or "
        "files:GLOB of JPEG and PNG files, which have no labels",
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="new folder")
    parser.add_argument(
        "--batch_size", type=int, default=64, help="images (default: %(default)s)"
    )
    return parser


def main(argv=None):
    """Runs the program; returns its results."""
    arguments, options = _parser().parse_known_args(argv)
    with one_line_errors():
        results = extract_beam(
            arguments.model,
            arguments.data,
            arguments.output,
            arguments.batch_size,
            options,
        )
    print(json.dumps(results))
    return results


if __name__ == "__main__":
    main()
