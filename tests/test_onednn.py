"""Programs ask for oneDNN before TensorFlow, which reads it once, is imported."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAME = "TF_ENABLE_ONEDNN_OPTS"
# Prints what TensorFlow would read, and ends there.
WATCH = f"""
import os, sys

class Watch:
    def find_spec(name, path=None, target=None):
        if name == "tensorflow":
            print(os.environ.get({NAME!r}))
            sys.exit()

sys.meta_path.insert(0, Watch)
"""


def command():
    """Returns the module whose `main` is the command `keras-mae`."""
    return re.search(r"keras-mae = (\S+):main", (ROOT / "setup.py").read_text())[1]


def read_by_tensorflow(script, told=None):
    """Returns what the variable says when `script` first imports TensorFlow."""
    environment = {key: value for key, value in os.environ.items() if key != NAME}
    return subprocess.run(
        [sys.executable, "-c", WATCH + script],
        env=environment | ({NAME: told} if told else {}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.mark.parametrize("told", [None, "0"])
def test_the_command_asks_for_onednn_unless_told_otherwise(told):
    script = f"import {command()} as script; script.main(['--version'])"
    assert read_by_tensorflow(script, told) == (told or "1")


@pytest.mark.parametrize("told", [None, "0"])
@pytest.mark.parametrize("program", ["training.pretrain", "export.to_saved_model"])
def test_programs_ask_for_onednn_unless_told_otherwise(program, told):
    assert read_by_tensorflow(f"import {program}", told) == (told or "1")


def test_the_library_leaves_the_choice_to_the_script():
    assert read_by_tensorflow("import keras_mae") == "None"
