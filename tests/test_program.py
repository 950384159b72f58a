import errno
import importlib.machinery
import os
import sys

import pytest
import tensorflow as tf

from keras_mae.program import InputError, RunError, one_line_errors, program_name

FULL = os.strerror(errno.ENOSPC)
FULL_OF_EVENTS = tf.errors.ResourceExhaustedError(
    None, None, f"{{{{function_node f}}}} logs/events; {FULL}\n\tFlushing."
)


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (InputError("no such file"), 2, "no such file"),
        (RunError("diverged"), 1, "diverged"),
        (
            OSError(errno.ENOSPC, FULL, "run/model"),
            1,
            f"a disk is full ([Errno 28] {FULL}: 'run/model'); what was saved before "
            "is intact. Make room and run the same command again",
        ),
        (
            FULL_OF_EVENTS,
            1,
            f"a disk is full (logs/events; {FULL} Flushing.); what was saved before "
            "is intact. Make room and run the same command again",
        ),
    ],
)
def test_what_was_to_be_expected_is_one_line_and_a_status(capsys, error, status, line):
    with pytest.raises(SystemExit, match=f"^{status}$"), one_line_errors():
        raise error
    assert capsys.readouterr().err == f"error: {line}\n"


def test_other_errors_keep_their_traceback():
    with pytest.raises(PermissionError, match="denied"), one_line_errors():
        raise PermissionError(errno.EACCES, "denied")


@pytest.mark.parametrize(
    ("name", "typed", "called"),
    [
        ("training.pretrain", "/project/module.py", "python -m training.pretrain"),
        ("training.study.__main__", "/project/module.py", "python -m training.study"),
        ("training.study", "keras-mae study", None),
    ],
)
def test_a_program_is_called_what_was_typed(monkeypatch, name, typed, called):
    spec = importlib.machinery.ModuleSpec(name, None, origin="/project/module.py")
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", spec)
    monkeypatch.setattr(sys, "argv", [typed])
    assert program_name() == called
