"""The wheel: programs live inside the package, nothing strays to the top level."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
IMPORTS = (
    "import keras_mae, keras_mae.training, keras_mae.export; print(keras_mae.__file__)"
)

pytestmark = pytest.mark.slow


def run(*command, **kwargs):
    result = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, **kwargs
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def copy_sources(target):
    """Copies what the wheel is built of: building leaves files behind."""
    for name in ("setup.py", "pyproject.toml", "LICENSE", "keras_mae_cli.py"):
        shutil.copy(ROOT / name, target)
    for name in ("keras_mae", "training", "export"):
        shutil.copytree(ROOT / name, target / name)
    return str(target)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder that holds what `pip install` of the wheel puts there."""
    wheels, site = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
    sources = copy_sources(tmp_path_factory.mktemp("sources"))
    offline = ("--quiet", "--no-deps", "--no-index")
    build = ("--no-build-isolation", "--wheel-dir", str(wheels))
    run("-m", "pip", "wheel", *offline, *build, sources)
    (wheel,) = wheels.glob("keras_mae-*.whl")
    run("-m", "pip", "install", *offline, "--target", str(site), str(wheel))
    return site


def test_nothing_but_the_package_and_its_command_is_at_the_top(installed):
    names = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"}
    assert names - {"__pycache__"} == {"keras_mae", "keras_mae_cli.py", "bin"}


def test_the_command_runs_from_outside_the_checkout(installed, tmp_path):
    environment = {"PYTHONPATH": str(installed)}
    script = str(installed / "bin" / "keras-mae")
    printed = run("-P", script, "--help", cwd=tmp_path, env=environment)
    assert "keras-mae PROGRAM" in printed


@pytest.mark.parametrize("folder", ["training", "export"])
def test_every_module_is_in_the_wheel(installed, folder):
    ours = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.py")}
    theirs = installed / "keras_mae"
    assert ours == {
        path.relative_to(theirs) for path in (theirs / folder).rglob("*.py")
    }


def test_imports_from_outside_the_checkout(installed, tmp_path):
    environment = {"PYTHONPATH": str(installed), "TF_CPP_MIN_LOG_LEVEL": "3"}
    where = run("-P", "-c", IMPORTS, cwd=tmp_path, env=environment)
    assert Path(where.strip()).is_relative_to(installed)
