import ast
import runpy
from pathlib import Path

import pytest

from keras_mae import cli

ROOT = Path(__file__).parent.parent
FOLDERS = (ROOT, ROOT / "keras_mae")


def test_help_names_every_program(capsys):
    cli.main(["--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in cli.PROGRAMS)


def test_version_is_the_packages(capsys):
    cli.main(["--version"])
    assert capsys.readouterr().out.strip() == cli.__version__


def test_the_package_runs_as_the_command(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["keras_mae", "--version"])
    runpy.run_module("keras_mae", run_name="__main__")
    assert capsys.readouterr().out.strip() == cli.__version__


@pytest.mark.parametrize("name", cli.PROGRAMS)
def test_programs_exist_and_have_a_main(name):
    path = cli.PROGRAMS[name][0].replace(".", "/") + ".py"
    (source,) = (folder / path for folder in FOLDERS if (folder / path).is_file())
    functions = [
        f.name for f in ast.parse(source.read_text()).body if hasattr(f, "args")
    ]
    assert "main" in functions


def test_near_programs_are_named(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["pretrian"])
    assert "did you mean pretrain?" in capsys.readouterr().err


def test_a_missing_package_names_its_extra(monkeypatch):
    monkeypatch.setitem(cli.PROGRAMS, "knn", ("absent_package", "", "train"))
    monkeypatch.setattr(
        cli.importlib, "import_module", lambda name: __import__("absent_package")
    )
    with pytest.raises(SystemExit, match=r"pip install 'keras-mae\[train\]'"):
        cli.main(["knn"])
