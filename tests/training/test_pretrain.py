import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_mae
from training import pretrain
from training.checkpoint import checkpoints

from .interruption import stopped_before_second_save

SMALL = ["depth=1", "image_size=28", "picture_every=2", "compute=auto"]


def command(workdir, *settings, data="demo", options=()):
    return [
        *("--recipe", "demo", "--data", data, "--workdir", str(workdir)),
        *("--tiny", *options, "--set", *SMALL, *settings),
    ]


def weights_of(workdir):
    model = keras_mae.load(workdir / "model.keras")
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of three epochs: its folder and its results."""
    workdir = tmp_path_factory.mktemp("runs") / "digits"
    settings = ("epochs=3", "base_learning_rate=0.05", "steps_per_epoch=8")
    return workdir, settings, pretrain.main(command(workdir, *settings))


def losses_of(workdir):
    return [saved.state["logs"]["loss"] for saved in checkpoints(workdir)]


def test_loss_falls(run):
    workdir, _, results = run
    losses = losses_of(workdir)
    assert losses[-1] < losses[-2]
    assert results["loss"] == pytest.approx(losses[-1], abs=1e-5)
    assert results["images_per_second"] > 0


def test_workdir_holds_configuration_and_model(run):
    workdir, _, _ = run
    config = json.loads((workdir / "config.json").read_text())
    assert (config["data"], config["epochs"]) == ("demo", 3)
    model = keras_mae.load(workdir / "model.keras")
    assert model.preprocessing.mean == (0.1307,)
    assert model(np.zeros((1, 28, 28, 1), "float32"))["pred"].shape == (1, 49, 16)


def test_rules_of_every_variable_are_saved(run):
    workdir, _, _ = run
    rules = json.loads((workdir / "rules.json").read_text())
    assert rules["frozen"] == ["pos_embed", "decoder_pos_embed"]
    expected = {"learning_rate_scale": 1.0, "weight_decay": 0.05}
    assert rules["trained"]["mask_token"] == expected


def test_tensorboard_shows_loss_rate_speed_and_pictures(run):
    workdir, _, _ = run
    tags = set()
    for file in (workdir / "logs").rglob("events.*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            tags |= {value.tag for value in event.summary.value}
    expected = {"epoch_loss", "epoch_learning_rate", "epoch_images_per_second"}
    assert expected | {"epoch_input_wait", "reconstructions"} <= tags


def test_table_holds_the_figures_of_every_epoch(run):
    workdir, _, results = run
    lines = (workdir / "logs" / "epochs.csv").read_text().splitlines()
    columns = lines[0].split(",")
    assert columns[0] == "epoch"
    assert {"loss", "images_per_second", "input_wait"} <= set(columns)
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "2", "3"]
    last = dict(zip(columns, map(float, lines[3].split(",")), strict=True))
    assert last["loss"] == pytest.approx(results["loss"], abs=1e-5)


def test_unreadable_images_are_skipped_counted_and_listed(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for name in ("a.png", "b.png"):
        keras.utils.save_img(images / name, np.full((30, 30, 3), 99.0))
    (images / "broken.jpg").write_text("no image")
    workdir = tmp_path / "run"
    results = pretrain.main(command(workdir, "num_channels=1", data=f"folder:{images}"))
    assert (results["images"], results["skipped_images"]) == (2, 1)
    assert (workdir / "unreadable.txt").read_text() == "broken.jpg\n"


def test_interrupted_run_ends_as_it_would_have(run, tmp_path):
    workdir, settings, _ = run
    again = tmp_path / "again"
    with pytest.raises(KeyboardInterrupt):
        interrupted(again, settings)
    assert len(checkpoints(again)) == 1
    pretrain.main(command(again, *settings))
    np.testing.assert_allclose(weights_of(again), weights_of(workdir), atol=1e-6)


def interrupted(workdir, settings):
    """Runs until the second epoch is about to be saved."""
    with stopped_before_second_save():
        pretrain.main(command(workdir, *settings))


def test_finished_run_is_not_run_again(run, capsys):
    workdir, settings, _ = run
    before = weights_of(workdir)
    pretrain.main(command(workdir, *settings))
    assert "resuming after epoch 3 of 3" in capsys.readouterr().out
    np.testing.assert_array_equal(weights_of(workdir), before)


def test_two_replicas_train_as_one_device(run, tmp_path):
    _, settings, results = run
    options = ("--strategy", "mirrored", "--replicas", "2")
    again = pretrain.main(command(tmp_path, *settings, options=options))
    assert again["loss"] == pytest.approx(results["loss"], rel=1e-5)
    assert again["gradient_norm"] == pytest.approx(results["gradient_norm"], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting", ["precision=mixed_bfloat16", "precision=mixed_float16", "compute=xla"]
)
def test_options_of_speed_train(tmp_path, setting):
    results = pretrain.main(command(tmp_path, setting))
    assert np.isfinite(results["loss"])
    assert keras_mae.load(tmp_path / "model.keras").dtype_policy.name == "float32"


def test_diverged_run_keeps_the_last_good_checkpoint(tmp_path, capsys):
    settings = ("epochs=3", "warmup_epochs=0", "base_learning_rate=1e30")
    with pytest.raises(SystemExit, match="1"):
        pretrain.main(command(tmp_path, *settings))
    (line,) = re.findall("^error: .*", capsys.readouterr().err, re.M)
    assert "lower base_learning_rate" in line
    assert not (tmp_path / "model.keras").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--recipe", "dmo"], "unknown recipe 'dmo'; did you mean demo"),
        (["--recipe", "finetune_demo"], "of the program finetune; choose from"),
        (["--data", "dem"], "did you mean demo"),
        (["--data", "folder:absent"], "absent"),
        (["--strategy", "mirorred"], "did you mean mirrored"),
        (["--set", "preset=mae_vit_bse_patch16"], "did you mean mae_vit_base_patch16"),
        (["--set", "epoch=3"], "did you mean epochs"),
        (["--set", "mask_ratio=1"], r"must lie in \[0, 1\)"),
        (["--set", "image_size=30"], "multiple of `patch_size`"),
        (["--set", "precision=bfloat16"], "did you mean mixed_bfloat16"),
        (["--set", "batch_size=5000", "steps_per_epoch=none"], "larger than the data"),
        (["--set", "batch_size=0"], "batch_size must be at least 1"),
        (["--set", "steps_per_epoch=-1"], "steps_per_epoch must be at least 1"),
        (["--set", "patch_size=0"], "patch_size must be at least 1"),
        (["--set", "seed=-1"], "seed must be 0 to 4294967295"),
        (["--set", "warmup_epochs=9"], "warmup_epochs must be 0 to 2, the epochs of"),
        (["--set", "image_size=28,99,56"], "height and width.*received 28,99,56"),
        (["--set", "probe_pooling=mean"], "gap"),
        (["--replicas", "0"], "--replicas must be at least 1; received 0"),
        (["--set", "steps_per_execution=3"], "must divide the 4 steps.*try 4"),
        (
            ["--strategy", "mirrored", "--replicas", "2", "--set", "batch_size=7"],
            "multiple of the 2 replicas",
        ),
        (
            ["--strategy", "mirrored", "--set", "compute=xla"],
            "compute=xla does not work under.*--set compute=auto",
        ),
        (["--set", "crop_scale=0,1"], "crop_scale must be two shares"),
    ],
)
def test_bad_input_ends_with_one_line_and_writes_nothing(
    tmp_path, capsys, line, message
):
    workdir = tmp_path / "run"
    with pytest.raises(SystemExit, match="2"):
        pretrain.main([*command(workdir), *line])
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert len(error.splitlines()) == 1
    assert re.search(message, error), error
    assert not workdir.exists()


def test_workdir_of_another_configuration_is_kept(run, capsys):
    workdir, _, _ = run
    before = (workdir / "config.json").read_text()
    with pytest.raises(SystemExit, match="2"):
        pretrain.main(command(workdir, "epochs=9"))
    assert "epochs (there 3, here 9)" in capsys.readouterr().err
    assert (workdir / "config.json").read_text() == before
