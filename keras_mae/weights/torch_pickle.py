"""Reads PyTorch's pickles and executes nothing.

An interpreter of the pickle opcodes that builds plain containers and descriptions
of tensors. A class that the pickle names is looked up in a table, never imported.
"""

import pickletools

from ..program import InputError
from .torch_globals import KNOWN, MAKERS, Global, Inert, dictionary
from .torch_tensors import TensorInFile


def read_pickle(stream, path, find_storage):
    """Reads one pickle and leaves the stream behind it.

    Args:
        stream: Has `read`, `readline` and `tell`.
        path: Path of the file, for errors.
        find_storage: Called with every persistent id (a tuple); returns a
            `Storage`.

    Returns:
        Plain values, lists, tuples, dictionaries, `TensorInFile`, `Inert`.

    Raises:
        ValueError: The pickle is damaged, or names something that is not known to
            be harmless; the error says what.
    """
    try:
        return _Interpreter(path, find_storage).run(stream)
    except InputError:
        raise
    except Exception as error:  # hostile bytes raise anything
        raise InputError(
            f"{path} is truncated or damaged: its pickle cannot be read "
            f"({type(error).__name__}: {error})"
        ) from error


class _Interpreter:
    """A stack machine; one method an opcode, named after it in `pickletools`."""

    def __init__(self, path, find_storage):
        self.path, self.find_storage = path, find_storage
        self.stack, self.marks, self.memo = [], [], {}

    def run(self, stream):
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name == "STOP":
                return self.stack.pop()
            if opcode.name in _PUSHED:
                self.stack.append(argument)
            elif opcode.name in _METHODS:
                _METHODS[opcode.name](self, argument)
            else:
                self._refuse(f"the opcode {opcode.name} ({argument})")

    def mark(self, _):
        self.marks.append(self.stack)
        self.stack = []

    def store(self, index):
        self.memo[len(self.memo) if index is None else index] = self.stack[-1]

    def recall(self, index):
        self.stack.append(self.memo[index])

    def pop(self, _):
        self.stack.pop()

    def append(self, _):
        item = self.stack.pop()
        self._extend([item])

    def appends(self, _):
        self._extend(self.pop_marked())

    def setitem(self, _):
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def setitems(self, _):
        self._update(self.pop_marked())

    def name_global(self, argument):
        self._push_global(*argument.split(" ", 1))

    def stack_global(self, _):
        name, module = self.stack.pop(), self.stack.pop()
        self._push_global(module, name)

    def reduce(self, _):
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, Global) or not isinstance(arguments, tuple):
            self._refuse("a call of something that is no class")
        make = MAKERS.get(function)
        self.stack.append(make(*arguments) if make else Inert(function, arguments))

    def newobj_ex(self, _):
        self.stack.pop()
        self.reduce(_)

    def build(self, _):
        state = self.stack.pop()
        if isinstance(self.stack[-1], Inert):
            self.stack[-1].state = state
        elif not isinstance(self.stack[-1], dict | TensorInFile):
            self._refuse("a state for something that is no object")

    def persistent(self, _):
        self.stack.append(self.find_storage(self.stack.pop()))

    def _push_global(self, module, name):
        found = isinstance(module, str) and isinstance(name, str)
        if not found or Global(module, name) not in KNOWN:
            self._refuse(f"{module}.{name}")
        self.stack.append(Global(module, name))

    def pop_marked(self):
        items, self.stack = self.stack, self.marks.pop()
        return items

    def _extend(self, items):
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)
        elif not isinstance(self.stack[-1], Inert):
            self._refuse("items for something that is no list")

    def _update(self, items):
        pairs = list(zip(items[::2], items[1::2], strict=True))
        if isinstance(self.stack[-1], dict):
            self.stack[-1].update(dictionary(pairs))
        elif not isinstance(self.stack[-1], Inert):
            self._refuse("items for something that is no dictionary")

    def _refuse(self, what):
        raise InputError(
            f"{self.path} is refused: its pickle asks for {what}. Only tensors, plain "
            "containers and a few harmless classes are read, and nothing is executed. "
            "If you trust the file, save its state dict alone from PyTorch"
        )


def _constant(value):
    return lambda machine, _: machine.stack.append(value())


def _tuple_of(count):
    def method(machine, _):
        items = [machine.stack.pop() for _ in range(count)]
        machine.stack.append(tuple(reversed(items)))

    return method


def _marked(make):
    def method(machine, _):
        items = machine.pop_marked()
        machine.stack.append(make(items))

    return method


_PUSHED = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
    *("FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_METHODS = {
    "PROTO": lambda *_: None,
    "FRAME": lambda *_: None,
    "MARK": _Interpreter.mark,
    "NONE": _constant(lambda: None),
    "NEWTRUE": _constant(lambda: True),
    "NEWFALSE": _constant(lambda: False),
    "EMPTY_DICT": _constant(dict),
    "EMPTY_LIST": _constant(list),
    "EMPTY_SET": _constant(list),  # sets hash their items; lists do not
    "EMPTY_TUPLE": _constant(tuple),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "TUPLE": _marked(tuple),
    "LIST": _marked(list),
    "FROZENSET": _marked(list),
    "DICT": _marked(
        lambda items: dictionary(zip(items[::2], items[1::2], strict=True))
    ),
    **dict.fromkeys(["PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"], _Interpreter.store),
    **dict.fromkeys(["GET", "BINGET", "LONG_BINGET"], _Interpreter.recall),
    "POP": _Interpreter.pop,
    "POP_MARK": lambda machine, _: machine.pop_marked(),
    "APPEND": _Interpreter.append,
    **dict.fromkeys(["APPENDS", "ADDITEMS"], _Interpreter.appends),
    "SETITEM": _Interpreter.setitem,
    "SETITEMS": _Interpreter.setitems,
    "GLOBAL": _Interpreter.name_global,
    "STACK_GLOBAL": _Interpreter.stack_global,
    **dict.fromkeys(["REDUCE", "NEWOBJ"], _Interpreter.reduce),
    "NEWOBJ_EX": _Interpreter.newobj_ex,
    "BUILD": _Interpreter.build,
    "BINPERSID": _Interpreter.persistent,
}
