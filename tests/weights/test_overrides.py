import argparse

import pytest

from keras_mae.program import InputError
from keras_mae.weights.overrides import add_set_argument, parse_overrides


def test_values_are_of_their_arguments_type():
    settings = ["num_heads=4", "layer_norm_eps=1e-5", "norm_pix_loss=true"]
    settings += ["mask_sampler=block", "image_size=32", "dtype=float16"]
    assert parse_overrides(settings) == {
        "num_heads": 4,
        "layer_norm_eps": 1e-5,
        "norm_pix_loss": True,
        "mask_sampler": "block",
        "image_size": 32,
        "dtype": "float16",
    }


def test_sizes_may_be_rectangles():
    assert parse_overrides(["image_size=32,48"]) == {"image_size": (32, 48)}


@pytest.mark.parametrize(
    ("setting", "match"),
    [
        ("num_heads", "takes KEY=VALUE; received 'num_heads'"),
        ("num_head=4", "unknown --set key 'num_head'; did you mean num_heads"),
        ("preprocessing=x", "unknown --set key 'preprocessing'"),
        ("final_norm=true", "unknown --set key 'final_norm'"),
        ("num_heads=4.5", "num_heads takes an integer; received '4.5'"),
        ("mask_ratio=half", "mask_ratio takes a number; received 'half'"),
        ("mask_ratio=nan", "mask_ratio takes a number; received 'nan'"),
        ("dtype=int32", "dtype takes one of float32, float16, .*received 'int32'"),
        ("norm_pix_loss=1", "norm_pix_loss takes true or false; received '1'"),
        ("image_size=32,", "takes an integer or HEIGHT,WIDTH; received '32,'"),
        ("image_size=1,2,3", "takes an integer or HEIGHT,WIDTH; received '1,2,3'"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(setting, match):
    with pytest.raises(InputError, match=match):
        parse_overrides([setting])


def test_settings_add_up():
    parser = argparse.ArgumentParser()
    add_set_argument(parser)
    arguments = parser.parse_args(["--set", "a=1", "b=2", "--set", "c=3"])
    assert arguments.set == ["a=1", "b=2", "c=3"]
