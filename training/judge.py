"""What k-NN and linear probe share: the encoder beside a random one and raw pixels."""

import json
from pathlib import Path

from keras_mae.layers.vit_encoder import check_pooling
from keras_mae.program import one_line_errors
from keras_mae.weights import load_encoder

from .command_line import (
    add_data_arguments,
    add_set_argument,
    apply_settings,
    program_parser,
)
from .features import encode, load_splits, pixels, random_encoder
from .workdir import write_atomically


def judge(name, description, config, score, argv):
    """Runs a program that scores features; prints a table and one JSON line.

    Args:
        name: String, the program's.
        description: String for `--help`.
        config: Dataclass instance with `pooling`, `batch_size`, `max_images`, `seed`.
        score: Function of (`Features`, config) that returns a dictionary of accuracies.
        argv: The command line, or `None` for the process's own.

    Returns:
        The results as a dictionary.
    """
    arguments = _arguments(name, description, config, argv)
    with one_line_errors():
        if arguments.tiny:
            arguments.set = [*config.TINY, *arguments.set]
        config = apply_settings(config, arguments.set)
        check_pooling(config.pooling)
        encoder = load_encoder(arguments.model)
        splits = load_splits(arguments.data, arguments.data_dir)
        rows = _rows(encoder, splits, config, score, not arguments.no_baselines)
    results = {
        "program": name,
        "model": arguments.model,
        "data": arguments.data,
        "train_images": _count(splits[0], config),
        "test_images": _count(splits[1], config),
        **rows,
    }
    if arguments.output:
        write_atomically(Path(arguments.output), json.dumps(results, indent=2) + "\n")
    print(json.dumps(results))
    return results


def _rows(encoder, splits, config, score, baselines):
    of_data = {"batch_size": config.batch_size, "max_images": config.max_images}

    def features_of(model):
        return encode(model, splits, config.pooling, **of_data)

    candidates = {"encoder": lambda: features_of(encoder)}
    if baselines:
        candidates["random_encoder"] = lambda: features_of(
            random_encoder(encoder, config.seed)
        )
        candidates["raw_pixels"] = lambda: pixels(
            splits, encoder.preprocessing, **of_data
        )
    rows = {}
    for name, features in candidates.items():
        rows[name] = score(features(), config)
        values = "  ".join(f"{key} {value:.4f}" for key, value in rows[name].items())
        print(f"{name:15} {values}", flush=True)
    return rows


def _count(source, config):
    return min(source.num_examples, config.max_images or source.num_examples)


def _arguments(name, description, config, argv):
    parser = program_parser(
        description,
        [
            f"python -m training.{name} --model runs/demo/model.keras --data demo",
            f"python -m training.{name} --model model.keras --data folder:DIR "
            "--set pooling=token",
        ],
        config,
    )
    parser.add_argument(
        "--model", required=True, help="a .keras file with a ViTEncoder"
    )
    add_data_arguments(parser)
    parser.add_argument("--output", metavar="FILE.json", help="write the results there")
    parser.add_argument(
        "--no_baselines",
        action="store_true",
        help="leave out the random encoder and the raw pixels",
    )
    add_set_argument(parser)
    parser.add_argument("--tiny", action="store_true", help="fewer steps, for a try")
    return parser.parse_args(argv)
