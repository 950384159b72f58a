"""Which folder may import which, and what every module and package shows."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    path.relative_to(ROOT)
    for top in ("keras_mae", "training", "export")
    for path in (ROOT / top).rglob("*.py")
)
# What each folder must never import.
FORBIDDEN = {
    "keras_mae": {"training", "export", "keras_mae.training", "keras_mae.export"},
    "training": {"export", "keras_mae.export"},
    "export": {"training", "keras_mae.training"},
    "keras_mae/layers": {
        f"keras_mae.{name}" for name in ("models", "presets", "weights")
    },
    "keras_mae/models": {"keras_mae.weights"},
    # What may be broken by another Keras stands alone.
    "keras_mae/keras_hooks.py": {"keras_mae"},
    # Names and numbers alone, so that models may look themselves up.
    "keras_mae/presets.py": {
        f"keras_mae.{name}" for name in ("layers", "models", "weights")
    },
}


def imports_of(path):
    """Returns the full names that a module imports, those inside functions too."""
    names, package = set(), path.parts[:-1]
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join((*start, *filter(None, [node.module])))
            names |= {source, *(f"{source}.{alias.name}" for alias in node.names)}
    return names


def within(name, packages):
    return any(
        name == package or name.startswith(package + ".") for package in packages
    )


def exported_names(path):
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
            return ast.literal_eval(node.value)
    return []


def constants_classes_functions(name):
    return not name.isupper(), not name[0].isupper(), name


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_imports_follow_the_arrows(folder):
    for path in MODULES:
        if path.is_relative_to(folder):
            wrong = {
                name for name in imports_of(path) if within(name, FORBIDDEN[folder])
            }
            assert not wrong, f"{path} must not import {sorted(wrong)}"


def test_relative_imports_are_resolved():
    names = imports_of(Path("keras_mae/layers/vit_encoder.py"))
    assert "keras_mae.preprocessing" in names
    assert "keras_mae.layers.patches.PatchEmbed" in names


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_public_modules_say_what_they_hold(path):
    private = path.name.startswith("_") and path.name != "__init__.py"
    assert private or ast.get_docstring(ast.parse((ROOT / path).read_text()))


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.name == "__init__.py"], ids=str
)
def test_exported_names_are_sorted(path):
    names = exported_names(path)
    assert names == sorted(set(names), key=constants_classes_functions)
