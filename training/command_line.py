"""The grammar that all programs share: `--set key=value`, with errors that help."""

import argparse
import dataclasses
from typing import get_args

from simple_parsing import ArgumentParser

from keras_mae.program import InputError, program_name, unknown

from .distribution import STRATEGIES
from .recipes import get_recipe, list_recipes


def program_parser(description, examples, config=None):
    """Returns an argparse parser whose `--help` teaches.

    Args:
        description: What the program does.
        examples: Run lines, one a line.
        config: Optional dataclass instance; its fields are listed as keys of `--set`.
    """
    epilog = "examples:\n" + "\n".join(f"  {line}" for line in examples)
    if config is not None:
        epilog += "\n\nkeys of --set:\n" + describe(config)
    return argparse.ArgumentParser(
        prog=program_name(),
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_data_arguments(parser, default=None):
    """Adds `--data` and `--data_dir`."""
    parser.add_argument(
        "--data",
        required=default is None,
        default=default,
        metavar="SPEC",
        help="demo (digits), photos (scikit-image's), folder:DIR, tfrecord:GLOB, "
        "npz:FILE or tfds:NAME",
    )
    parser.add_argument(
        "--data_dir", metavar="DIR", help="where prepared TFDS data sets lie"
    )


def add_strategy_arguments(parser, names=STRATEGIES):
    """Adds `--strategy`, one of `names`, and `--replicas`."""
    parser.add_argument(
        "--strategy",
        default="auto",
        help=f"one of: {', '.join(names)} (default: auto, what the machine has)",
    )
    parser.add_argument(
        "--replicas", type=int, help="logical CPU devices of mirrored, without a GPU"
    )


def add_set_argument(parser):
    """Adds `--set`."""
    parser.add_argument(
        "--set",
        action="extend",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="change settings; lists are written 0.2,1.0",
    )


def add_run_arguments(parser, kind):
    """Adds what all programs take that train by a recipe.

    Args:
        parser: The parser.
        kind: The program's configuration class.
    """
    parser.add_argument(
        "--recipe", required=True, help=f"one of: {', '.join(list_recipes(kind))}"
    )
    add_data_arguments(parser)
    parser.add_argument("--workdir", help="folder of the run (default: runs/RECIPE)")
    add_strategy_arguments(parser)
    add_set_argument(parser)
    parser.add_argument(
        "--tiny", action="store_true", help="shrink everything: ends within a minute"
    )


def chosen_config(arguments, kind, **changes):
    """Returns the recipe's configuration, as `--tiny`, `changes` and `--set` alter it.

    Raises:
        InputError: No such recipe, or settings that do not exist.
    """
    config = get_recipe(arguments.recipe, kind)
    tiny = kind.TINY if arguments.tiny else {}
    config = dataclasses.replace(config, **{**tiny, **changes})
    return apply_settings(config, arguments.set)


def apply_settings(config, settings):
    """Returns the dataclass with `key=value` strings applied, each as its field's type.

    Raises:
        InputError: A key that does not exist (near ones are named), or a value
            that its field cannot hold.
    """
    fields = {field.name: field for field in dataclasses.fields(config)}
    arguments = []
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise InputError(f"--set takes KEY=VALUE; received {setting!r}")
        if key not in fields:
            raise unknown("--set key", key, fields)
        arguments.append((key, value))
    if none := {key: None for key, value in arguments if value.lower() == "none"}:
        _check_optional([fields[key] for key in none])
        config = dataclasses.replace(config, **none)
    typed = [(key, value) for key, value in arguments if key not in none]
    return _typed(config, typed)


def describe(config):
    """Returns one aligned line a field: name, default, and its comment."""
    parser = ArgumentParser(add_help=False)
    parser.add_arguments(type(config), "config", default=config)
    (wrapper,) = parser._wrappers
    lines = []
    for field in wrapper.fields:
        value, text = getattr(config, field.name), " ".join((field.help or "").split())
        lines.append(f"  {field.name:20} {value!s:22} {text}".rstrip())
    return "\n".join(lines)


def _check_optional(fields):
    for field in fields:
        if type(None) not in get_args(field.type):
            raise InputError(f"--set: {field.name} cannot be none")


def _typed(config, pairs):
    parser = _RaisingParser(add_help=False)
    parser.add_arguments(type(config), "config", default=config)
    line = []
    for key, value in pairs:  # 32,48 or as Python writes it: (32, 48), [32, 48]
        words = value.strip("[]() ").split(",")
        line += [f"--{key}", *(word.strip() for word in words)]
    return parser.parse_args(line).config


class _RaisingParser(ArgumentParser):
    def error(self, message):
        raise InputError(f"--set: {message}")
