import dataclasses

import pytest

from keras_mae.program import InputError
from training.command_line import apply_settings, describe
from training.config import PretrainConfig


@pytest.mark.parametrize(
    ("setting", "name", "value"),
    [
        ("epochs=3", "epochs", 3),
        ("mask_ratio=0.9", "mask_ratio", 0.9),
        ("crop_scale=0.5,1", "crop_scale", (0.5, 1.0)),
        ("mean=0.5", "mean", (0.5,)),
        ("mean=0.1,0.2,0.3", "mean", (0.1, 0.2, 0.3)),
        ("image_size=32", "image_size", (32, 32)),
        ("image_size=32,48", "image_size", (32, 48)),
        ("image_size=(32, 48)", "image_size", (32, 48)),
        ("crop_scale=[0.5, 1]", "crop_scale", (0.5, 1.0)),
        ("flip=false", "flip", False),
        ("flip=True", "flip", True),
        ("preset=mae_vit_tiny_patch16", "preset", "mae_vit_tiny_patch16"),
        ("steps_per_epoch=none", "steps_per_epoch", None),
    ],
)
def test_settings_become_values_of_their_fields(setting, name, value):
    config = apply_settings(PretrainConfig(steps_per_epoch=5), [setting])
    assert getattr(config, name) == value
    assert type(getattr(config, name)) is type(value)


def test_other_fields_keep_their_values():
    recipe = PretrainConfig(epochs=7, mean=(0.2,), flip=False)
    config = apply_settings(recipe, ["seed=4"])
    assert config == dataclasses.replace(recipe, seed=4)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("mask_ration=0.5", "unknown --set key 'mask_ration'; did you mean mask_ratio"),
        ("epochs", "takes KEY=VALUE; received 'epochs'"),
        ("epochs=many", "epochs: invalid int value: 'many'"),
        ("epochs=none", "epochs cannot be none"),
    ],
)
def test_wrong_settings_are_explained(setting, message):
    with pytest.raises(InputError, match=message):
        apply_settings(PretrainConfig(), [setting])


def test_every_field_is_described():
    lines = describe(PretrainConfig()).splitlines()
    assert len(lines) == len(dataclasses.fields(PretrainConfig))
    (line,) = (line for line in lines if line.startswith("  mask_ratio "))
    assert "Fraction of patches to hide" in line
