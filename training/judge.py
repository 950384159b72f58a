"""What programs that judge features share: the encoder, a random one, raw pixels."""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np

from keras_mae.layers.vit_encoder import check_pooling
from keras_mae.program import InputError, one_line_errors
from keras_mae.weights import load_encoder

from .command_line import (
    add_data_arguments,
    add_set_argument,
    add_strategy_arguments,
    apply_settings,
    program_parser,
)
from .data import num_images
from .distribution import ON_ONE_MACHINE, pick_strategy, strategy_scope
from .extraction.artifact import is_export
from .extraction.extractor import open_extractor
from .extraction.frozen_export import FrozenExport
from .features import (
    FrozenEncoder,
    check_labels,
    encode,
    load_splits,
    pixels,
    random_encoder,
)
from .settings import check_counts, check_seed
from .workdir import check_writable, write_atomically

PIXELS_LIMIT = 8 << 30  # bytes of raw pixels, of both splits, that are judged


@dataclasses.dataclass(frozen=True)
class JudgeConfig:
    """Settings of all programs that judge features."""

    # gap (mean of the patches) or token (class token).
    pooling: str = "gap"
    # Images of each split, spread over it; None for all.
    max_images: int | None = None
    # Images encoded at once, over all replicas.
    encode_batch_size: int = 256
    # Seed of all that is random: the random encoder, the judge's weights and order.
    seed: int = 0

    TINY = ()

    def check(self):
        """Raises an `InputError` for a setting that cannot be used."""
        check_pooling(self.pooling)
        check_counts(self, ("encode_batch_size", "max_images"))
        check_seed(self)


def judge(name, description, config, score, argv):
    """Runs a program that scores features; prints a table and one JSON line.

    What is found of the encoder, a random one and raw pixels is printed as soon as it
    is known, and side by side when all is.

    Args:
        name: String, the program's.
        description: String for `--help`.
        config: A `JudgeConfig`.
        score: Function of (`Features`, config) that returns a dictionary of figures.
        argv: The command line, or `None` for the process's own.

    Returns:
        The results as a dictionary.
    """
    arguments = judge_parser(name, description, config).parse_args(argv)
    return judge_features(name, arguments, config, score)


def judge_parser(name, description, config):
    """Returns the parser of a program that judges features."""
    parser = program_parser(
        description,
        [
            f"python -m training.{name} --model runs/demo/model.keras --data demo",
            f"python -m training.{name} --model model.keras --data folder:DIR "
            "--set pooling=token",
            f"python -m training.{name} --model vit.int8.onnx --data demo",
        ],
        config,
    )
    parser.add_argument(
        "--model",
        required=True,
        help="a model with an encoder: .keras, .pth, .safetensors, a Hugging Face "
        "folder; or an export that returns features: an .onnx file, or the folder of a "
        "SavedModel's version",
    )
    add_data_arguments(parser)
    add_strategy_arguments(parser, ON_ONE_MACHINE)
    parser.add_argument("--output", metavar="FILE.json", help="write the results there")
    parser.add_argument(
        "--no_baselines",
        action="store_true",
        help="leave out the random encoder and the raw pixels",
    )
    add_set_argument(parser)
    parser.add_argument("--tiny", action="store_true", help="fewer steps, for a try")
    return parser


def judge_features(name, arguments, config, score):
    """Does what `judge` does, with a command line that has been read."""
    with one_line_errors():
        config = _chosen(config, arguments)
        splits, candidates = _candidates(arguments, config)
        rows = {}
        for candidate, features in candidates.items():
            rows[candidate] = _score(features, splits, config, score)
            _print_row(candidate, rows[candidate])
        _print_table(rows)
        counts = [num_images(source, config.max_images) for source in splits]
        results = {
            "program": name,
            "model": arguments.model,
            "data": arguments.data,
            "train_images": counts[0],
            "test_images": counts[1],
            **rows,
        }
        report(results, arguments.output)
    return results


def report(results, output=None):
    """Prints results as one JSON line, and writes them to a file if there is one."""
    print(json.dumps(results), flush=True)  # nothing is lost if the file is
    if output:
        write_atomically(Path(output), json.dumps(results, indent=2) + "\n")


def _chosen(config, arguments):
    tiny = config.TINY if arguments.tiny else ()
    config = apply_settings(config, [*tiny, *arguments.set])
    config.check()
    if arguments.output:
        check_writable(arguments.output, "--output")
    return config


def _candidates(arguments, config):
    """Returns both splits, and functions by name that compute what is judged."""
    open_model = _open_export if is_export(arguments.model) else _open_encoder
    frozen, preprocessing, twin = open_model(arguments, config)
    splits = load_splits(arguments.data, arguments.data_dir)
    of_data = (splits, preprocessing, config.encode_batch_size, config.max_images)
    candidates = {"encoder": lambda: encode(frozen, *of_data)}
    if arguments.no_baselines:
        return splits, candidates
    if twin is not None:
        candidates["random_encoder"] = lambda: encode(twin(), *of_data)
    if _pixels_fit(splits, preprocessing, config.max_images):
        candidates["raw_pixels"] = lambda: pixels(*of_data)
    return splits, candidates


def _pixels_fit(splits, preprocessing, max_images):
    """Returns whether raw pixels can be held, and says so where they cannot."""
    height, width = preprocessing.image_size
    image = height * width * preprocessing.num_channels * np.float32().nbytes
    needed = image * sum(num_images(source, max_images) for source in splits)
    if needed <= PIXELS_LIMIT:
        return True
    print(
        f"raw pixels are left out: they would take {needed / (1 << 30):,.1f} GiB, more "
        f"than {PIXELS_LIMIT / (1 << 30):.1f}; --set max_images=N judges fewer images",
        file=sys.stderr,
    )
    return False


def _score(compute, splits, config, score):
    features = compute()
    train, test = splits
    check_labels(features.train_labels, train.num_classes, train.name)
    check_labels(features.test_labels, train.num_classes, test.name)
    return score(features, config)


def _open_encoder(arguments, config):
    """Returns the encoder, its `Preprocessing`, and what makes a random one like it."""
    replicas = arguments.replicas
    strategy = pick_strategy(
        arguments.strategy, replicas=replicas, names=ON_ONE_MACHINE
    )
    with strategy_scope(strategy, config.encode_batch_size, replicas):
        encoder = load_encoder(arguments.model)

    def random_twin():
        return FrozenEncoder(random_encoder(encoder, config.seed), config.pooling)

    return FrozenEncoder(encoder, config.pooling), encoder.preprocessing, random_twin


def _open_export(arguments, config):
    """Returns the export and its `Preprocessing`; a random one is not to be had."""
    if arguments.strategy not in ("auto", "one"):
        raise InputError(
            f"an export runs on one device. Received: --strategy {arguments.strategy}; "
            "leave it out"
        )
    chosen = config.pooling != JudgeConfig.pooling
    extractor = open_extractor(arguments.model, config.pooling if chosen else None)
    return FrozenExport(extractor), extractor.image_input.preprocessing, None


def _print_row(candidate, figures):
    values = ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
    print(f"{candidate}: {values}", flush=True)  # all that follows may take hours


def _print_table(rows):
    """Prints one line a figure, one column a candidate."""
    figures = next(iter(rows.values()))
    width = max(map(len, figures))
    print(" " * width, *(f"{name:>14}" for name in rows))
    for figure in figures:
        values = (f"{row[figure]:14.4f}" for row in rows.values())
        print(f"{figure:{width}}", *values)
