"""Recipes: one a file, with its run line, what to expect, and what was measured."""

import importlib
import pkgutil

from keras_mae.program import InputError, unknown


def list_recipes(kind=object):
    """Returns the names of all recipes, or of those of one program.

    Args:
        kind: The program's configuration class.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [name for name in names if isinstance(_recipe(name), kind)]


def get_recipe(name, kind=object):
    """Returns a recipe's configuration, a frozen dataclass.

    Raises:
        InputError: The name is unknown, and the error names the near ones; or it is
            another program's.
    """
    if name not in list_recipes():
        raise unknown("recipe", name, list_recipes(kind))
    recipe = _recipe(name)
    if not isinstance(recipe, kind):
        raise InputError(
            f"recipe {name!r} is of the program {recipe.PROGRAM}; "
            f"choose from {', '.join(list_recipes(kind))}"
        )
    return recipe


def _recipe(name):
    return importlib.import_module(f"{__name__}.{name}").RECIPE
