"""The command `keras-mae`: one name for all programs, imported on demand."""

import importlib
import sys

from .program import one_line_errors, unknown
from .version import __version__

# Name: module, what it does, and the extra that it needs.
PROGRAMS = {
    "pretrain": ("training.pretrain", "pre-trains a masked autoencoder", "train"),
    "finetune": ("training.finetune", "fine-tunes an encoder to classify", "train"),
    "reconstruct": ("training.reconstruct", "draws what a model predicts", "train"),
    "masks": ("training.masks", "draws what mask samplers hide", "train"),
    "knn": ("training.knn", "judges features by nearest neighbours", "train"),
    "linear_probe": ("training.linear_probe", "judges features linearly", "train"),
    "few_shot": ("training.few_shot", "judges features by few labels", "train"),
    "evaluate": ("training.evaluate", "judges features in several ways", "train"),
    "make_tfrecords": ("training.make_tfrecords", "writes TFRecord files", "train"),
    "extract": ("training.extract", "writes features of a data set", "train"),
    "extract_beam": ("training.extract_beam", "the same on many machines", "beam"),
    "benchmark": ("training.benchmark.__main__", "times steps and peers", "train"),
    "study": ("training.study.__main__", "compares what masks teach", "train"),
    "to_saved_model": ("export.to_saved_model", "exports for TF Serving", "export"),
    "serving_kit": ("export.serving_kit", "exports with TF Serving's files", "export"),
    "local_server": ("export.local_server", "serves an export, for trials", "export"),
    "soak": ("export.soak", "tries a served export for minutes", "export"),
    "to_onnx": ("export.to_onnx", "exports for ONNX Runtime", "export"),
    "latency": ("export.latency", "times exports", "export"),
    "verify": ("export.verify", "compares exports with the model", "export"),
    "inspect": ("weights.inspect_file", "says what a weight file holds", "all"),
    "convert": ("weights.convert", "changes the format of a model's file", "all"),
}


def main(argv=None):
    """Runs `keras-mae PROGRAM ...`; see `keras-mae --help`."""
    name, *arguments = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in ("-h", "--help"):
        print(_help())
    elif name == "--version":
        print(__version__)
    else:
        _run(name, arguments)


def _run(name, arguments):
    with one_line_errors():
        if name not in PROGRAMS:
            raise unknown("program", name, PROGRAMS)
    module, _, extra = PROGRAMS[name]
    try:
        program = importlib.import_module(f"{__package__}.{module}")
    except ModuleNotFoundError as error:
        if error.name.startswith(__package__):
            raise
        sys.exit(f"error: {name} needs {error.name}: pip install 'keras-mae[{extra}]'")
    sys.argv[0] = f"keras-mae {name}"  # what argparse calls the program
    program.main(arguments)


def _help():
    lines = [f"  {name:15} {does}" for name, (_, does, _) in PROGRAMS.items()]
    return "\n".join(
        [
            "usage: keras-mae PROGRAM [--help] ...",
            "",
            "Masked autoencoders for Keras 3 on TensorFlow.",
            "",
            *lines,
        ]
    )
