"""The classes and functions that a pickle of PyTorch may name, and what they make.

None of them is imported or called: tensors become descriptions, dictionaries stay
dictionaries, and any other harmless object is inert.
"""

import dataclasses

from .torch_tensors import (
    ELEMENT_TYPES,
    STORAGE_TYPES,
    rebuild_parameter,
    rebuild_tensor,
)

_SCALARS = (str, bytes, int, float, type(None))


@dataclasses.dataclass(frozen=True)
class Global:
    """A class or function that a pickle names; it is never imported."""

    module: str
    name: str


@dataclasses.dataclass(eq=False, repr=False)  # its parts may be nested deeply
class Inert:
    """What stands for an object of a harmless class: its parts, and no behaviour."""

    cls: Global
    arguments: tuple
    state: object = None


def dictionary(pairs=()):
    """Returns a dictionary of pairs, or refuses keys that are containers."""
    items = pairs.items() if isinstance(pairs, dict) else pairs
    return {_key(key): value for key, value in items}


def _key(key):
    parts = key if isinstance(key, tuple) else (key,)
    # Hashing a tuple of tuples of tuples ... would overflow the stack.
    if not all(isinstance(part, (*_SCALARS, Global, Inert)) for part in parts):
        raise ValueError("a dictionary's key is a container")
    return key


# What a call makes; other harmless classes make an `Inert`.
MAKERS = {
    Global("collections", "OrderedDict"): dictionary,
    Global("collections", "defaultdict"): lambda _=None, pairs=(): dictionary(pairs),
    Global("torch", "Size"): lambda sizes=(): tuple(sizes),
    Global("torch._utils", "_rebuild_parameter"): rebuild_parameter,
    Global("torch._utils", "_rebuild_parameter_with_state"): rebuild_parameter,
    Global("torch._utils", "_rebuild_tensor"): rebuild_tensor,
    Global("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
}
_BUILTINS = ("bool", "bytearray", "complex", "dict", "float", "frozenset", "int")
_BUILTINS += ("list", "object", "set", "str", "tuple")
_HARMLESS = {
    "_codecs": ("encode",),
    "argparse": ("Namespace",),
    "builtins": _BUILTINS,
    "__builtin__": _BUILTINS,
    "collections": ("Counter", "deque"),
    "copy_reg": ("_reconstructor",),
    "copyreg": ("_reconstructor",),
    "datetime": ("date", "datetime", "timedelta"),
    "numpy": ("dtype", "ndarray"),
    "numpy.core.multiarray": ("_reconstruct", "scalar"),
    "numpy._core.multiarray": ("_reconstruct", "scalar"),
    "pathlib": ("Path", "PosixPath", "PurePosixPath", "WindowsPath"),
    "torch": ("device", *STORAGE_TYPES, *ELEMENT_TYPES),
}
KNOWN = {Global(module, name) for module, names in _HARMLESS.items() for name in names}
KNOWN |= set(MAKERS)
