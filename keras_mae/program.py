"""What all programs share: bad input is one clear line and exit status 2.

A run that cannot go on, by no fault of its command line, ends with one line and 1.
"""

import contextlib
import difflib
import errno
import os
import re
import sys

DISK_IS_FULL = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT))


class InputError(ValueError):
    """What the user typed cannot be used; the message says what to do instead."""


class RunError(RuntimeError):
    """A run cannot go on; what was saved is intact, and the message says what to do."""


@contextlib.contextmanager
def one_line_errors():
    """Ends the program with one line: status 2 on `InputError`, 1 on `RunError`.

    A full disk, which whatever writes may meet, is told with status 1 as well.
    """
    try:
        yield
    except (InputError, RunError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, InputError) else 1)
    except Exception as error:
        # TensorFlow has errors of its own for it, and HDF5's have no number.
        if not any(text in str(error) for text in DISK_IS_FULL):
            raise
        print(f"error: {_full_disk(error)}", file=sys.stderr)
        sys.exit(1)


@contextlib.contextmanager
def checking_input():
    """Turns errors of code that runs on the user's settings alone into `InputError`.

    For building models and opening files; never around training, where an
    error is a bug and keeps its traceback.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        raise InputError(" ".join(str(error).split())) from error


def unknown(kind, name, names):
    """Returns the `InputError` of a name that is not among `names`, with near ones."""
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else ""
    listing = "" if near else f"choose from {', '.join(sorted(names))}"
    return InputError(f"unknown {kind} {name!r}; {hint or listing}")


def _full_disk(error):
    reason = re.sub(r"\{\{.*?\}\}", "", str(error))  # TensorFlow's names of operations
    return (
        f"a disk is full ({' '.join(reason.split())[:200]}); what was saved before is "
        "intact. Make room and run the same command again"
    )


def program_name():
    """Returns what a program is called, where Python runs it as a module.

    Returns:
        `"python -m training.study"`, of which argparse makes `__main__.py`; `None` for
        argparse's own choice, the name that was typed.
    """
    spec = sys.modules["__main__"].__spec__
    if spec is None or sys.argv[0] != spec.origin:
        return None
    return f"python -m {spec.name.removesuffix('.__main__')}"
