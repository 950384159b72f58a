"""Contestants in processes: answers, turns, and what goes wrong."""

import os
import sys

import pytest

from keras_mae.program import InputError, RunError
from training.benchmark.processes import Contestant, Worker, in_turn

COUNTING = """
import os

def count(start):
    print("a library says something")
    calls = []

    def measure(steps):
        calls.append(steps)
        return {"sum": start + sum(calls), "process": os.getpid()}

    return {"start": start, "cores": len(os.sched_getaffinity(0))}, measure

def missing():
    import absent_package

def wrong():
    raise ValueError("of two\\nlines")

def broken():
    return None[0]

def dying():
    def measure():
        raise MemoryError("too much")

    return {}, measure

def killed():
    return {}, lambda: os.kill(os.getpid(), 9)
"""


@pytest.fixture
def contestant(tmp_path):
    """Returns a function that makes a contestant of the file above."""
    file = tmp_path / "counting.py"
    file.write_text(COUNTING)

    def make(function, name="peer", **request):
        needs = "pip install it"
        function = f"{file}:{function}"
        return Contestant(name, function, request, 1, sys.executable, needs)

    return make


def test_a_contestant_answers_from_a_process_of_its_own(contestant):
    with Worker(contestant("count", start=10)) as worker:
        assert worker.description == {"start": 10, "cores": 1}
        assert worker.ask(steps=1)["sum"] == 11
        answer = worker.ask(steps=2)
    assert answer["sum"] == 13
    assert answer["process"] != os.getpid()
    assert 1e6 < answer["peak_memory"] < 1e8  # of Python alone, not of this process
    assert worker.process.poll() is not None


def test_all_have_their_turn_in_every_round(contestant, capsys):
    first, second = (contestant("count", start=start) for start in (0, 100))
    questions = [{"steps": 1}, {"steps": 10}]
    with Worker(first) as a, Worker(second) as b:
        answers = in_turn([a, b], questions, 2, {"steps": 0})
    sums = [[[answer["sum"] for answer in turn] for turn in q] for q in answers]
    assert sums == [[[1, 101], [12, 112]], [[11, 111], [22, 122]]]
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3:] == ["warm-up", "round 1 of 2", "round 2 of 2"]


def test_a_missing_package_says_what_to_install(contestant):
    with pytest.raises(
        InputError, match="peer: No module named 'absent_package'; pip install it"
    ):
        Worker(contestant("missing"))


def test_settings_that_do_not_fit_are_one_line(contestant):
    with pytest.raises(InputError, match="^peer: of two lines$"):
        Worker(contestant("wrong"))


def test_other_errors_name_their_kind(contestant):
    with pytest.raises(RunError, match=r"not subscriptable \(TypeError\)"):
        Worker(contestant("broken"))


def test_a_process_that_dies_tells_its_last_line(contestant):
    with (
        Worker(contestant("dying")) as worker,
        pytest.raises(RunError, match="ended with status 1: MemoryError: too much"),
    ):
        worker.ask()


def test_a_killed_process_may_have_lacked_memory(contestant):
    with (
        Worker(contestant("killed")) as worker,
        pytest.raises(RunError, match=r"status -9 \(killed: too little memory\?\)"),
    ):
        worker.ask()
