"""Both Context Encoders through every program that trains, judges, draws or ships."""

import json

import numpy as np
import pytest

import keras_mae
from keras_mae.program import InputError
from training import finetune, knn, pretrain
from training.config import PretrainConfig
from training.partial import train_last_blocks
from training.systems import build_model

from .programs import check_programs_take

RECIPES = {
    "context_encoder_demo": keras_mae.ContextEncoder,
    "context_inpainter_demo": keras_mae.ContextInpainter,
}


def command(recipe, workdir, *settings):
    return [
        *("--recipe", recipe, "--data", "demo", "--workdir", str(workdir)),
        *("--tiny", "--set", "epochs=1", "compute=auto", *settings),
    ]


@pytest.fixture(scope="module", params=RECIPES)
def run(request, tmp_path_factory):
    """A finished run: the class of its model, its folder and its results."""
    workdir = tmp_path_factory.mktemp("runs") / request.param
    return (
        RECIPES[request.param],
        workdir,
        pretrain.main(command(request.param, workdir)),
    )


def digits():
    return np.random.default_rng(0).uniform(-1, 1, (2, 28, 28, 1)).astype("float32")


def test_it_trains_and_is_saved(run):
    cls, workdir, results = run
    assert np.isfinite(results["loss"])
    model, again = (keras_mae.load(workdir / "model.keras") for _ in range(2))
    assert type(model) is cls
    np.testing.assert_array_equal(model(digits())["pred"], again(digits())["pred"])


def test_rules_tell_the_rate_of_either_network(run):
    cls, workdir, _ = run
    trained = json.loads((workdir / "rules.json").read_text())["trained"]
    scales = {
        "/discriminator/" in name: rule["learning_rate_scale"]
        for name, rule in trained.items()
    }
    expected = {False: 1.0, True: 0.1} if cls is keras_mae.ContextInpainter else {}
    assert scales == (expected or {False: 1.0})


def test_encoder_is_judged_drawn_and_exported(run, tmp_path):
    _, workdir, _ = run
    check_programs_take(workdir / "model.keras", digits(), tmp_path)


def test_there_is_no_class_token_to_judge_by(run, capsys):
    _, workdir, _ = run
    model = ["--model", str(workdir / "model.keras"), "--data", "demo"]
    with pytest.raises(SystemExit, match="2"):
        knn.main([*model, "--set", "max_images=8", "pooling=token"])
    assert "has no class token: pooling must be 'gap'" in capsys.readouterr().err


def test_encoder_is_fine_tuned(tmp_path):
    path = tmp_path / "model.keras"
    keras_mae.ContextEncoder.from_preset("context_encoder_micro").save(path)
    line = [
        *("--recipe", "finetune_demo", "--data", "demo", "--tiny"),
        *("--model", str(path), "--workdir", str(tmp_path / "ft")),
    ]
    settings = ["epochs=1", "compute=auto", "layer_decay=0.75", "trainable_blocks=1"]
    results = finetune.main([*line, "--set", *settings])
    assert 0 <= results["test_top1"] <= 1
    assert type(keras_mae.load(results["model"])) is keras_mae.ConvClassifier
    rules = json.loads((tmp_path / "ft" / "rules.json").read_text())
    kernels = [name for name in rules["trained"] if name.endswith("kernel")]
    assert kernels == ["encoder/convolutions_2/kernel", "conv_classifier/head/kernel"]


def test_half_a_convolution_is_none():
    classifier = keras_mae.ConvClassifier.from_preset("context_encoder_micro", 10)
    with pytest.raises(InputError, match="a convolution has no half"):
        train_last_blocks(classifier, "1.5")
    train_last_blocks(classifier, "0")
    trained = {weight.path.split("/")[1] for weight in classifier.trainable_weights}
    assert trained == {"fc_norm", "head"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"embed_dim": 64}, "the system context_encoder has no embed_dim"),
        ({"norm_pix_loss": True}, "the system context_encoder has no norm_pix_loss"),
        ({"preset": "mae_vit_micro_patch4"}, "unknown preset 'mae_vit_micro_patch4'"),
    ],
)
def test_settings_of_transformers_are_refused(settings, message):
    config = PretrainConfig(
        **{"system": "context_encoder", "preset": "context_encoder_micro", **settings}
    )
    with pytest.raises(InputError, match=message):
        build_model(config)


def test_the_inpainter_is_not_computed_in_parts(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        pretrain.main(
            command("context_inpainter_demo", tmp_path, "accumulation_steps=2")
        )
    assert "accumulation_steps must be 1: the system" in capsys.readouterr().err
