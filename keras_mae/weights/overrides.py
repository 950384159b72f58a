"""Constructor arguments on the command line: `--set key=value`."""

import inspect
import math

from ..layers import ViTEncoder
from ..models import MaskedAutoencoder
from ..program import InputError, unknown
from .arguments import parameters_of

_DTYPES = ("float32", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16")


def _image_size(text):
    if "," not in text:
        return int(text)
    height, width = map(int, text.split(","))
    return height, width


def _dtype(text):
    return _DTYPES[_DTYPES.index(text)]


def _boolean(text):
    return {"true": True, "false": False}[text.lower()]


def _number(text):
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(number)
    return number


# What a value may be, and how it is read: by its argument's name or default.
_SPECIAL = {
    "image_size": ("an integer or HEIGHT,WIDTH", _image_size),
    "dtype": (f"one of {', '.join(_DTYPES)}", _dtype),
}
_BY_TYPE = {
    bool: ("true or false", _boolean),
    int: ("an integer", int),
    float: ("a number", _number),
    str: ("a name", str),
}
_KEYS = {
    name: _BY_TYPE[type(parameter.default)]
    for cls in (ViTEncoder, MaskedAutoencoder)
    for name, parameter in inspect.signature(cls).parameters.items()
    if name in parameters_of(cls) and type(parameter.default) in _BY_TYPE
} | _SPECIAL


def add_set_argument(parser):
    """Adds `--set` to a parser, with all keys in its help."""
    parser.add_argument(
        "--set",
        action="extend",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="what the file cannot tell, or should change: " + ", ".join(sorted(_KEYS)),
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
        if name not in _KEYS:
            raise unknown("--set key", name, _KEYS)
        overrides[name] = _parse(name, text)
    return overrides


def _parse(name, text):
    expected, parse = _KEYS[name]
    try:
        return parse(text)
    except (KeyError, ValueError) as error:
        raise InputError(f"--set {name} takes {expected}; received {text!r}") from error
