import importlib
import re

import pytest

from keras_mae.program import InputError
from training.pretrain import build_model
from training.recipes import get_recipe, list_recipes


@pytest.mark.parametrize("name", list_recipes())
def test_recipes_build_their_model(name):
    config = get_recipe(name)
    model = build_model(config)
    assert config.image_size in (None, model.preprocessing.image_size)


@pytest.mark.parametrize("name", list_recipes())
def test_recipes_say_how_to_run_them_and_what_was_measured(name):
    text = importlib.import_module(f"training.recipes.{name}").__doc__
    assert f"python -m training.pretrain --recipe {name} " in text
    assert re.search(r"^Expectation: ", text, re.M)
    assert re.search(r"^Result: ", text, re.M)


def test_near_recipes_are_named():
    with pytest.raises(InputError, match="did you mean cifar10_vit_tiny"):
        get_recipe("cifar_vit_tiny")
