"""Contestants, each in a process of its own, asked in turn."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from keras_mae.program import InputError, RunError

WORKER = Path(__file__).with_name("worker.py")
# Errors of the settings, or of what is installed; others are bugs.
OF_INPUT = ("InputError", "ValueError", "OSError", "ModuleNotFoundError")


class Contestant(NamedTuple):
    """What is measured, and how it is started.

    Attributes:
        name: What tables call it.
        function: `MODULE_OR_FILE:FUNCTION`, see `worker.py`.
        request: Dictionary of the function's arguments.
        cores: Integer, how many it runs on.
        python: Path of the interpreter, or `None` for this one and its packages.
        needs: What to do where a package is missing, for the error.
    """

    name: str
    function: str
    request: dict
    cores: int
    python: str | None = None
    needs: str = ""


class Worker:
    """The process of a contestant; a context manager that ends it.

    Args:
        contestant: A `Contestant`.

    Attributes:
        description: Dictionary, what the contestant says of itself.

    Raises:
        InputError: The contestant cannot be set up; the message says why.
        RunError: Its process died.
    """

    def __init__(self, contestant):
        say(f"starting {contestant.name}")
        self.contestant = contestant
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115, `close` does
        self.process = subprocess.Popen(
            [
                contestant.python or sys.executable,
                "-P",  # or files beside the worker could hide modules
                WORKER,
                contestant.function,
                json.dumps(contestant.request),
                str(contestant.cores),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=_environment(contestant.python),
        )
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            self.description = self._answer()
            if "error" in self.description:
                raise self._error(**self.description)
            stack.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def ask(self, **question):
        """Returns the dictionary that the contestant answers.

        Raises:
            RunError: Its process died.
        """
        # To a dead one nothing can be written: the answer tells why it died.
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(question), file=self.process.stdin, flush=True)
        return self._answer()

    def close(self):
        """Ends the process."""
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()

    def _answer(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        status = self.process.wait()
        killed = " (killed: too little memory?)" if status == -9 else ""
        self.log.seek(0)
        last = (self.log.read().strip().splitlines() or ["no message"])[-1]
        raise RunError(
            f"{self.contestant.name} ended with status {status}{killed}: {last[:300]}"
        )

    def _error(self, error, kind):
        message = f"{self.contestant.name}: {error}"
        if kind == "ModuleNotFoundError" and self.contestant.needs:
            message += f"; {self.contestant.needs}"
        if kind in OF_INPUT:
            return InputError(message)
        return RunError(f"{message} ({kind})")


def in_turn(workers, questions, rounds, warm_up):
    """Asks all contestants all questions, round after round.

    Machines get slower and faster within minutes: what one round measures belongs
    together.

    Args:
        workers: List of `Worker`.
        questions: List of dictionaries.
        rounds: Integer, how often, after a round that does not count.
        warm_up: Dictionary, what that round asks otherwise.

    Returns:
        For each question a list of rounds, each a list of the workers' answers.
    """
    answers = [[] for _ in questions]
    for number in range(rounds + 1):
        say(f"round {number} of {rounds}" if number else "warm-up")
        for question, found in zip(questions, answers, strict=True):
            asked = question if number else {**question, **warm_up}
            found.append([worker.ask(**asked) for worker in workers])
    return [found[1:] for found in answers]


def say(line):
    """Prints what goes on: a measurement takes minutes."""
    print(line, flush=True)


def _environment(python):
    if python is not None:
        return None
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
