"""Arguments that programs which write artifacts share."""

from pathlib import Path

from keras_mae.program import InputError

from .outputs import AUTOENCODER, DEFAULT
from .precision import PRECISIONS


def add_output_arguments(parser, without=()):
    """Adds the arguments of `choose_outputs`.

    Args:
        parser: The program's.
        without: Names of outputs that its format does not have.
    """
    of_autoencoders = [name for name in AUTOENCODER if name not in without]
    parser.add_argument(
        "--outputs",
        nargs="+",
        default=DEFAULT,
        metavar="NAME",
        help="features, tokens, patch_map, block_N (tokens that leave block N, from "
        "0); of a classifier logits, probabilities, classes; of a masked autoencoder "
        f"{', '.join(of_autoencoders)} (default: {' '.join(DEFAULT)})",
    )
    parser.add_argument(
        "--pooling",
        metavar="gap|token|both",
        help="features: mean of the patches, class token, or both in a row, the token "
        "first (default: a classifier's own, otherwise gap)",
    )
    parser.add_argument(
        "--class_names",
        metavar="FILE",
        help="a name a line, in the order of the classes (default: those that the "
        "classifier holds)",
    )
    parser.add_argument(
        "--top",
        type=int,
        default=5,
        help="classes: how many of the likeliest (default: %(default)s)",
    )


def add_precision_argument(parser):
    """Adds `--precision` of a SavedModel."""
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="of products of matrices; images and outputs are float32 in any case; "
        "bfloat16 is faster on CPUs with AMX, and slower on those without that were "
        "measured (default: %(default)s)",
    )


def chosen_outputs(args):
    """Returns what was chosen, as arguments of `choose_outputs`."""
    return {
        "names": args.outputs,
        "pooling": args.pooling,
        "class_names": args.class_names and read_class_names(args.class_names),
        "top": args.top,
    }


def read_class_names(path):
    """Returns the names in a text file, one a line.

    Raises:
        InputError: The file cannot be read, or a name is missing.
    """
    try:
        names = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read --class_names {path}: {error}") from error
    for number, name in enumerate(names, 1):
        if not name.strip():
            raise InputError(f"{path} has no name in line {number}")
    return [name.strip() for name in names]
