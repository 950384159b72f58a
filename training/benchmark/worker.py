"""Serves a contestant: `python -P worker.py MODULE_OR_FILE:FUNCTION REQUEST CORES`.

It imports nothing of this project, nor does a contestant's file: peers may live in
another environment, with an interpreter of its own.

The process keeps to so many CORES: what it imports has as many threads, or finds in
`os.sched_getaffinity` how many it may have.

The function takes REQUEST, a JSON dictionary, as its arguments and returns what is to
be told of the contestant, and a function that measures it. Answers are lines of JSON on
stdout: the description first, then, for each line of JSON on stdin, what the function
returns when called with it, and the most bytes that this process has held at once.
"""

import importlib
import importlib.util
import json
import os
import sys
import traceback


def serve(contestant, request, cores):
    """Answers questions until there are no more."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(cores)])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    try:
        description, measure = load(contestant)(**json.loads(request))
    except Exception as error:  # of the libraries' many kinds
        traceback.print_exc()
        text = " ".join(str(error).split())
        _answer(answers, {"error": text, "kind": type(error).__name__})
        sys.exit(1)
    _answer(answers, description)
    for question in sys.stdin:
        found = measure(**json.loads(question))
        _answer(answers, {**found, "peak_memory": peak_memory()})


def load(contestant):
    """Returns the function that `MODULE_OR_FILE:FUNCTION` names."""
    where, _, name = contestant.rpartition(":")
    if not where.endswith(".py"):
        return getattr(importlib.import_module(where), name)
    spec = importlib.util.spec_from_file_location("contestant", where)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def peak_memory():
    """Returns the most bytes that this process has held at once.

    `resource.getrusage` would count those of the process that started this one.
    """
    with open("/proc/self/status") as lines:
        (kilobytes,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return 1024 * int(kilobytes)


def _answer(answers, content):
    print(json.dumps(content), file=answers, flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
