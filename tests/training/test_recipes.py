import dataclasses
import importlib
import re

import pytest
import tensorflow as tf

from keras_mae.program import InputError
from training.classifier import build_classifier
from training.config import PretrainConfig
from training.finetune_config import FinetuneConfig
from training.pretrain import build_model
from training.recipes import get_recipe, list_recipes


def built(build, name, *arguments):
    """A recipe's configuration and model, of two blocks and without any numbers."""
    config = get_recipe(name)
    with tf.Graph().as_default():
        return config, build(dataclasses.replace(config, depth=2), *arguments)


@pytest.mark.parametrize("name", list_recipes(PretrainConfig))
def test_recipes_build_their_model(name):
    config, model = built(build_model, name)
    assert config.image_size in (None, model.preprocessing.image_size)


@pytest.mark.parametrize("name", list_recipes(FinetuneConfig))
def test_recipes_build_their_classifier(name):
    config, model = built(build_classifier, name, 10)
    assert config.image_size in (None, model.preprocessing.image_size)
    assert model.encoder.blocks[-1].drop_path_rate == config.drop_path_rate


@pytest.mark.parametrize("size", ["base", "large", "huge"])
def test_pre_training_on_imagenet_is_the_papers(size):
    """He et al., 2022, table 8; 1,600 epochs of normalised pixels as in table 3."""
    config = get_recipe(f"mae_vit_{size}_in1k")
    assert config.preset.startswith(f"mae_vit_{size}_patch")
    assert config.base_learning_rate * config.batch_size / 256 == pytest.approx(2.4e-3)
    assert (config.beta_1, config.beta_2, config.weight_decay) == (0.9, 0.95, 0.05)
    assert (config.epochs, config.warmup_epochs) == (1600, 40)
    assert (config.mask_ratio, config.norm_pix_loss) == (0.75, True)
    assert (config.crop_scale, config.flip) == ((0.2, 1.0), True)


@pytest.mark.parametrize("name", list_recipes())
def test_recipes_say_how_to_run_them_and_what_was_measured(name):
    text = importlib.import_module(f"training.recipes.{name}").__doc__
    program = get_recipe(name).PROGRAM
    assert re.search(rf"python -m training\.{program} --recipe {name}\s", text)
    assert re.search(r"^Expectation: ", text, re.M)
    assert re.search(r"^Result: ", text, re.M)


def test_near_recipes_are_named():
    with pytest.raises(InputError, match="did you mean cifar10_vit_tiny"):
        get_recipe("cifar_vit_tiny")


def test_recipes_of_other_programs_are_refused():
    with pytest.raises(InputError, match="of the program finetune; choose from"):
        get_recipe("finetune_demo", PretrainConfig)
