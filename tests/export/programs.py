"""What tests of several programs of export share."""

import pytest


def error_of(capsys, program, *arguments):
    """Runs a program on bad input and returns the one line of its error."""
    with pytest.raises(SystemExit) as exit_info:
        program.main([str(argument) for argument in arguments])
    assert exit_info.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err
