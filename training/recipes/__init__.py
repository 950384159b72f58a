"""Recipes: one a file, with its run line, what to expect, and what was measured."""

import importlib
import pkgutil

from keras_mae.program import unknown


def list_recipes():
    """Returns the names of all recipes."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def get_recipe(name):
    """Returns a recipe's configuration, a frozen dataclass.

    Raises:
        InputError: The name is unknown; the error names the near ones.
    """
    if name not in list_recipes():
        raise unknown("recipe", name, list_recipes())
    return importlib.import_module(f"{__name__}.{name}").RECIPE
