"""Every system that pretrain knows trains, is saved, and its encoder is used."""

import dataclasses
import re

import numpy as np
import pytest

import keras_mae
from keras_mae.layers.mask_samplers import SAMPLERS
from keras_mae.program import InputError
from training import pretrain
from training.config import PretrainConfig
from training.recipes import get_recipe
from training.systems import build_model

from .programs import check_programs_take
from .test_pretrain import command

MASK_TOKENS = ("mask_token", "simmim", "bert")


def config_of(**settings):
    sizes = {"image_size": 28, "depth": 1}
    return dataclasses.replace(get_recipe("demo"), **{**sizes, **settings})


@pytest.fixture(scope="module", params=MASK_TOKENS)
def run(request, tmp_path_factory):
    """A finished run of a system: its name, its folder and its results."""
    workdir = tmp_path_factory.mktemp("runs") / request.param
    settings = (f"system={request.param}", "epochs=1")
    return request.param, workdir, pretrain.main(command(workdir, *settings))


def test_every_system_trains_and_is_saved(run):
    system, workdir, results = run
    assert np.isfinite(results["loss"])
    model = keras_mae.load(workdir / "model.keras")
    expected = build_model(config_of(system=system, mask_ratio=model.mask_ratio))
    assert type(model) is type(expected)
    images = np.random.default_rng(0).normal(size=(2, 28, 28, 1)).astype("float32")
    again = keras_mae.load(workdir / "model.keras")
    np.testing.assert_array_equal(model(images)["pred"], again(images)["pred"])


def test_encoder_of_every_system_is_judged_drawn_and_exported(run, tmp_path, capfd):
    _, workdir, _ = run
    images = np.random.default_rng(0).normal(size=(2, 28, 28, 1)).astype("float32")
    check_programs_take(workdir / "model.keras", images, tmp_path)


def test_the_system_decides_before_the_preset_and_settings_before_both():
    assert build_model(config_of()).mask_ratio == 0.6  # the preset's
    assert build_model(config_of(system="bert")).mask_ratio == 0.5
    assert build_model(config_of(system="bert", mask_ratio=0.25)).mask_ratio == 0.25


def test_simmim_keeps_its_unit_with_another_sampler():
    sampler = build_model(config_of(system="simmim", mask_sampler="block"))
    config = sampler.masking.mask_sampler.get_config()
    assert config["unit"] == 2
    assert config["mask_sampler"]["class_name"] == "BlockSampler"


def test_every_system_hides_units():
    assert build_model(config_of(mask_unit=3)).masking.mask_sampler.unit == 3
    model = build_model(config_of(system="simmim", mask_unit=1))
    assert model.masking.mask_sampler.get_config() == {}


@pytest.mark.parametrize("system", ["mae", *MASK_TOKENS])
def test_every_sampler_serves_every_system(system):
    small = {"system": system, "depth": 0, "decoder_depth": 0, "mask_ratio": 0.6}
    images = np.zeros((3, 28, 28, 1), "float32")
    for name in SAMPLERS:
        model = build_model(config_of(mask_sampler=name, **small))
        hidden = np.sum(model.hide({"images": images})["mask"], axis=1)
        np.testing.assert_array_equal(hidden, [30] * 3, err_msg=name)


def test_systems_differ_in_nothing_but_what_is_studied():
    encoders = {
        str(build_model(config_of(system=system)).encoder.get_config())
        for system in ("mae", *MASK_TOKENS)
    }
    assert len(encoders) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"system": "simmin"}, "unknown system 'simmin'; did you mean simmim"),
        ({"pixel_loss": "l1"}, "mae has no pixel_loss: it is a setting of mask_token"),
        ({"system": "bert", "corruption": (1.0, 1.0)}, "three shares that add up to 1"),
        ({"system": "bert", "prediction_head": "lin"}, "did you mean linear"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises((InputError, ValueError), match=re.escape(message)):
        build_model(config_of(**settings))


def test_bad_input_ends_with_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        pretrain.main(command(tmp_path / "run", "system=maee"))
    error = capsys.readouterr().err
    assert error == "error: unknown system 'maee'; did you mean mae?\n"
    assert not (tmp_path / "run").exists()


def test_configuration_is_a_masked_autoencoder_by_default():
    assert PretrainConfig().system == "mae"
