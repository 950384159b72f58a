"""Constructor arguments on the command line: `--set key=value`."""

import inspect

from ..layers import ViTEncoder
from ..models import MaskedAutoencoder
from ..program import InputError, unknown
from .arguments import parameters_of

_DEFAULTS = {
    name: parameter.default
    for cls in (ViTEncoder, MaskedAutoencoder)
    for name, parameter in inspect.signature(cls).parameters.items()
    if name in parameters_of(cls)
    and isinstance(parameter.default, bool | int | float | str)
} | {"dtype": "float32"}
_KINDS = {bool: "true or false", int: "an integer", float: "a number"}
_BOOLEANS = {"true": True, "false": False}


def add_set_argument(parser):
    """Adds `--set` to a parser, with all keys in its help."""
    parser.add_argument(
        "--set",
        action="extend",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="what the file cannot tell, or should change: "
        + ", ".join(sorted(_DEFAULTS)),
    )


def parse_overrides(settings):
    """Returns `key=value` strings as a dictionary of constructor arguments.

    Raises:
        ValueError: A key is unknown, or a value is none that it can hold.
    """
    overrides = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise InputError(f"--set takes KEY=VALUE; received {setting!r}")
        if name not in _DEFAULTS:
            raise unknown("--set key", name, _DEFAULTS)
        overrides[name] = _parse(name, text)
    return overrides


def _parse(name, text):
    kind = type(_DEFAULTS[name])
    try:
        if name == "image_size" and "," in text:
            height, width = map(int, text.split(","))
            return height, width
        return _BOOLEANS[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError) as error:
        expected = _KINDS[kind] + (" or HEIGHT,WIDTH" if name == "image_size" else "")
        raise InputError(f"--set {name} takes {expected}; received {text!r}") from error
