import json
import re

import h5py
import numpy as np
import pytest
import tensorflow as tf

import keras_mae
from training import finetune
from training.checkpoint import checkpoints
from training.features import load_splits

from .interruption import stopped_before_second_save

SMALL = ["compute=auto", "layer_decay=1", "batch_size=8", "max_test_images=none"]
SCRATCH = ("depth=1", "patch_size=7")  # where no file tells them


@pytest.fixture(scope="module")
def command(stripes):
    """Returns a function that makes the command line of a tiny run."""

    def line(workdir, *settings, options=()):
        return [
            *("--recipe", "finetune_demo", "--data", f"folder:{stripes}"),
            *("--workdir", str(workdir), "--tiny", *options),
            *("--set", *SMALL, *settings),
        ]

    return line


def weights_of(workdir):
    model = keras_mae.load(workdir / "model.keras")
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A saved encoder of one block."""
    path = tmp_path_factory.mktemp("pretrained") / "encoder.keras"
    preprocessing = keras_mae.Preprocessing(28, 1, 0.1307, 0.3081, 1.0)
    sizes = {"image_size": 28, "patch_size": 7, "num_channels": 1, "embed_dim": 16}
    keras_mae.ViTEncoder(
        **sizes, depth=1, num_heads=2, preprocessing=preprocessing
    ).save(path)
    return path


FULL = (  # what a recipe can ask for, but RandAugment, which takes long to trace
    *("epochs=3", "steps_per_epoch=6", "base_learning_rate=0.1", "ema=0.5"),
    *("erasing=0.25", "mixup=0.8", "cutmix=1", "drop_path_rate=0.1"),
)


@pytest.fixture(scope="module")
def run(command, tmp_path_factory, pretrained):
    """A finished run with all that there is: folder, command and results."""
    workdir = tmp_path_factory.mktemp("runs") / "digits"
    options = ("--model", str(pretrained))
    results = finetune.main(command(workdir, *FULL, options=options))
    return workdir, options, results


def test_patterns_are_learned(command, tmp_path):
    settings = ("epochs=4", "steps_per_epoch=8", "base_learning_rate=0.1")
    results = finetune.main(command(tmp_path, *SCRATCH, *settings))
    assert results["test_top1"] > 0.8
    assert results["test_top5"] == 1.0  # of three classes
    assert results["test_images"] == 30


def test_results_are_those_of_the_saved_model(run, stripes):
    workdir, _, results = run
    model = keras_mae.load(workdir / "model.keras")
    held_out = load_splits(f"folder:{stripes}")[1]
    examples = list(held_out.examples().as_numpy_iterator())
    decode, prepare = model.preprocessing.decode, model.preprocessing
    images = np.array([prepare(decode(example["image"])) for example in examples])
    labels = np.array([example["label"] for example in examples])
    top1 = (np.argmax(model(images), axis=1) == labels).mean()
    assert results["test_top1"] == pytest.approx(top1, abs=1e-5)
    assert results["test_loss"] == pytest.approx(results["val_loss"], abs=1e-5)


def test_saved_model_knows_the_names_of_its_classes(run):
    model = keras_mae.load(run[0] / "model.keras")
    assert model.class_names == ("columns", "rows", "squares")


def test_workdir_tells_model_settings_and_rules(run, pretrained):
    workdir, _, _ = run
    config = json.loads((workdir / "config.json").read_text())
    assert config["model"] == str(pretrained)
    assert config["data"].startswith("folder:")
    assert (config["preset"], config["ema"]) == (None, 0.5)
    rules = json.loads((workdir / "rules.json").read_text())
    assert rules["frozen"] == []
    assert rules["trained"]["pos_embed"]["weight_decay"] == 0


def test_rules_are_printed_before_the_first_step(command, tmp_path, capsys):
    settings = ("epochs=1", "steps_per_epoch=1", "layer_decay=0.5")
    finetune.main(command(tmp_path, *SCRATCH, *settings, "trainable_blocks=0.5"))
    out = capsys.readouterr().out
    assert out.index("learning-rate scale") < out.index("val_loss")
    rows = re.findall(r"^ +(0\.\d+|1\.0+) +(0\.\d+) +(\w.*)", out, re.M)
    assert ("1.000000", "0.0500", "head.weight") in rows
    assert any(row[0] == "0.500000" and "blocks.0.mlp" in row[2] for row in rows)
    assert re.search(r"frozen +cls_token, pos_embed", out)


def test_tensorboard_shows_the_held_out_split(run):
    workdir, _, _ = run
    tags = set()
    for file in (workdir / "logs").rglob("events.*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            tags |= {value.tag for value in event.summary.value}
    assert {"epoch_loss", "epoch_top1", "epoch_top5", "epoch_learning_rate"} <= tags


def test_the_moving_average_is_what_is_saved(run):
    workdir, _, _ = run
    saved = keras_mae.load(workdir / "model.keras").head.kernel
    with h5py.File(checkpoints(workdir)[-1].path / "model.weights.h5") as checkpoint:
        trained = checkpoint["head/vars/0"][()]
        averages = [values[()] for values in checkpoint["optimizer/vars"].values()]
    assert np.abs(trained - saved).max() > 1e-5
    assert any(np.array_equal(values, saved) for values in averages)


def test_interrupted_run_ends_as_it_would_have(command, run, tmp_path):
    workdir, options, _ = run
    again = tmp_path / "again"
    with pytest.raises(KeyboardInterrupt):
        interrupted(command(again, *FULL, options=options))
    assert len(checkpoints(again)) == 1
    finetune.main(command(again, *FULL, options=options))
    np.testing.assert_array_equal(weights_of(again), weights_of(workdir))


def interrupted(line):
    """Runs until the second epoch is about to be saved."""
    with stopped_before_second_save():
        finetune.main(line)


def test_finished_run_is_judged_again_and_not_run(command, run, capsys):
    workdir, options, results = run
    before = weights_of(workdir)
    again = finetune.main(command(workdir, *FULL, options=options))
    assert "resuming after epoch 3 of 3" in capsys.readouterr().out
    np.testing.assert_array_equal(weights_of(workdir), before)
    assert again["test_top1"] == results["test_top1"]


@pytest.mark.slow
def test_two_replicas_train_as_one_device(command, tmp_path):
    settings = ("epochs=1", "mixup=0.8", "ema=0.5", "base_learning_rate=1e-3")
    one = finetune.main(command(tmp_path / "one", *SCRATCH, *settings))
    options = ("--strategy", "mirrored", "--replicas", "2")
    two = finetune.main(command(tmp_path / "two", *SCRATCH, *settings, options=options))
    assert two["loss"] == pytest.approx(one["loss"], abs=1e-4)
    assert two["test_loss"] == pytest.approx(one["test_loss"], abs=1e-4)
    assert two["test_top1"] == pytest.approx(one["test_top1"], abs=1e-5)


@pytest.mark.slow
def test_two_replicas_train_with_all_that_there_is(command, tmp_path, pretrained):
    options = ("--model", str(pretrained), "--strategy", "mirrored", "--replicas", "2")
    settings = (*FULL, "magnitude=9", "epochs=1")
    results = finetune.main(command(tmp_path, *settings, options=options))
    assert np.isfinite(results["loss"])


def test_frozen_blocks_stay_as_they_are(command, tmp_path, pretrained):
    options = ("--model", str(pretrained))
    finetune.main(
        command(tmp_path, "trainable_blocks=0", "base_learning_rate=1", options=options)
    )
    tuned = keras_mae.load(tmp_path / "model.keras")
    encoder = keras_mae.load(pretrained)
    blocks = encoder.blocks[0].weights, tuned.encoder.blocks[0].weights
    for before, after in zip(*blocks, strict=True):
        np.testing.assert_array_equal(before, after)
    assert np.abs(tuned.head.kernel).max() > 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        "precision=mixed_bfloat16",
        "precision=mixed_float16",
        "compute=xla",
        "pooling=token",
        "magnitude=9",
    ],
)
def test_options_of_speed_and_pooling_train(command, tmp_path, pretrained, setting):
    options = ("--model", str(pretrained))
    results = finetune.main(command(tmp_path, *FULL, setting, options=options))
    assert np.isfinite(results["loss"])
    model = keras_mae.load(tmp_path / "model.keras")
    assert model.dtype_policy.name == "float32"


def test_diverged_run_keeps_the_last_good_checkpoint(command, tmp_path, capsys):
    settings = (*SCRATCH, "epochs=3", "warmup_epochs=0", "base_learning_rate=1e30")
    with pytest.raises(SystemExit, match="1"):
        finetune.main(command(tmp_path, *settings))
    (line,) = re.findall("^error: .*", capsys.readouterr().err, re.M)
    assert "lower base_learning_rate" in line
    assert not (tmp_path / "model.keras").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--recipe", "demo"], "of the program pretrain; choose from"),
        (["--recipe", "finetune_dmo"], "did you mean finetune_demo"),
        (["--data", "photos"], "has no"),
        (["--model", "absent.pth"], "absent.pth"),
        (["--set", "trainable_blocks=9"], "0 to 2, such as 0.5 or 4; received '9'"),
        (["--set", "layer_decay=0"], r"`layer_decay` must lie in \(0, 1\]"),
        (["--set", "pooling=mean"], "unknown pooling 'mean'"),
        (["--set", "ema=2"], r"`ema_momentum` must be in the range \[0, 1\]"),
        (["--set", "drop_path_rate=1"], "or nothing is left"),
        (["--set", "label_smoothing=1"], "label_smoothing must be"),
        (["--set", "evaluate_every=0"], "evaluate_every must be at least 1"),
        (["--set", "preset=none"], "preset must name the architecture"),
        (["--set", "steps_per_execution=3"], "must divide the 2 steps"),
    ],
)
def test_bad_input_ends_with_one_line_and_writes_nothing(
    command, tmp_path, capsys, line, message
):
    workdir = tmp_path / "run"
    with pytest.raises(SystemExit, match="2"):
        finetune.main([*command(workdir), *line])
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert len(error.splitlines()) == 1
    assert re.search(message, error), error
    assert not workdir.exists()


def test_another_model_is_another_run(command, run, capsys):
    workdir, _, _ = run
    with pytest.raises(SystemExit, match="2"):
        finetune.main(command(workdir, *FULL))
    assert "model (there " in capsys.readouterr().err
