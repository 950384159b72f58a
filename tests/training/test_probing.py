import csv
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_mae
from training import features, pretrain
from training.distribution import strategy_scope
from training.probing import Probing

TINY_MAE = {
    "image_size": 16,
    "patch_size": 8,
    "embed_dim": 16,
    "depth": 1,
    "num_heads": 2,
    "decoder_embed_dim": 16,
    "decoder_depth": 1,
    "decoder_num_heads": 2,
}
ALL = "probes=knn,linear_probe,few_shot"


def command(workdir, data, *settings, options=()):
    small = ["depth=1", "image_size=28", "compute=auto", "epochs=3", "picture_every=9"]
    return [
        *("--recipe", "demo", "--data", data, "--workdir", str(workdir)),
        *("--tiny", *options, "--set", *small, *settings),
    ]


def weights_of(workdir):
    model = keras_mae.load(workdir / "model.keras")
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


def figures_of(workdir):
    with (workdir / "logs" / "epochs.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def probe(source, strategy, judges, **kwargs):
    """The logs of an epoch, of a model made under a strategy."""
    with strategy_scope(strategy, 4, replicas=2):
        keras.utils.set_random_seed(0)
        model = keras_mae.MaskedAutoencoder(**TINY_MAE)
    probing = Probing((source(30), source(9)), 1, 1, judges, batch_size=4, **kwargs)
    probing.set_model(model)
    probing.on_train_begin()
    logs = {}
    probing.on_epoch_end(0, logs)
    return logs, model


@pytest.fixture(scope="module")
def probed(stripes, tmp_path_factory):
    """A run of three epochs, probed after the second one and the last: its folder."""
    workdir = tmp_path_factory.mktemp("probed") / "run"
    pretrain.main(command(workdir, f"folder:{stripes}", "probe_every=2", ALL))
    return workdir


def test_a_probed_run_ends_with_the_same_weights(probed, stripes, tmp_path):
    pretrain.main(command(tmp_path, f"folder:{stripes}"))
    np.testing.assert_array_equal(weights_of(probed), weights_of(tmp_path))
    losses = [[row["loss"] for row in figures_of(run)] for run in (probed, tmp_path)]
    assert losses[0] == losses[1]
    assert "knn_accuracy_k20" not in figures_of(tmp_path)[0]


def test_every_other_epoch_and_the_last_are_probed(probed):
    for name in ("knn_accuracy_k200", "linear_probe_accuracy", "few_shot_std_5_shot"):
        values = [row[name] for row in figures_of(probed)]
        assert values[0] == ""
        assert all(0 <= float(value) <= 1 for value in values[1:])


def test_tensorboard_shows_the_figures(probed):
    tags = set()
    for file in (probed / "logs").rglob("events.*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            tags |= {value.tag for value in event.summary.value}
    assert {"epoch_knn_accuracy_k20", "epoch_few_shot_accuracy_5_shot"} <= tags


@pytest.mark.slow
def test_two_replicas_are_probed_and_end_with_the_same_weights(stripes, tmp_path):
    options = ("--strategy", "mirrored", "--replicas", "2")
    for name, settings in (("plain", ()), ("probed", ("probe_every=1",))):
        line = command(
            tmp_path / name, f"folder:{stripes}", "epochs=2", *settings, options=options
        )
        pretrain.main(line)
    np.testing.assert_array_equal(
        weights_of(tmp_path / "probed"), weights_of(tmp_path / "plain")
    )
    assert float(figures_of(tmp_path / "probed")[0]["knn_accuracy_k20"]) >= 0


def test_two_replicas_say_what_one_device_says(source):
    judges = ("knn", "linear_probe", "few_shot")
    one, _ = probe(source, "one", judges)
    two, _ = probe(source, "mirrored", judges)
    assert two == pytest.approx(one, abs=1e-6)
    assert one["knn_accuracy_k20"] > 0.5  # brightness is easily seen


def test_features_are_those_of_whole_images(source, monkeypatch):
    seen = []
    monkeypatch.setattr("training.probing.figures", lambda f, *_: seen.append(f) or {})
    _, model = probe(source, "one", ("knn",), max_images=5, pooling="token")
    pixels = np.stack([x["image"] for x in source(9).examples().as_numpy_iterator()])
    expected = model.encoder(model.preprocessing(pixels[[0, 2, 4, 6, 8]]))[:, 0]
    assert seen[0].train.shape == (5, 16)
    np.testing.assert_allclose(seen[0].test, expected, atol=1e-5)


def test_images_are_encoded_in_the_parts_of_a_step(stripes, tmp_path, monkeypatch):
    seen = []

    def encode(frozen, splits, preprocessing, batch_size, max_images):
        seen.append((batch_size, max_images))
        return features.encode(frozen, splits, preprocessing, batch_size, max_images)

    monkeypatch.setattr("training.probing.encode", encode)
    settings = ("epochs=1", "probe_every=1", "probe_images=5", "accumulation_steps=4")
    pretrain.main(command(tmp_path, f"folder:{stripes}", *settings))
    assert seen == [(2, 5)]  # 8 in 4 parts: probes need no more memory than steps


def test_a_diverged_encoder_is_not_judged(source, monkeypatch):
    build = keras_mae.MaskedAutoencoder

    def diverged(**kwargs):
        model = build(**kwargs)
        model.encoder.cls_token.assign(np.full((1, 1, 16), np.nan))
        return model

    monkeypatch.setattr(keras_mae, "MaskedAutoencoder", diverged)
    assert probe(source, "one", ("knn", "few_shot"))[0] == {}


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        ("photos", ["probe_every=1"], "photos has no labels to judge features by"),
        ("demo", ["probe_every=0"], "probe_every must be at least 1; received 0"),
        ("demo", ["probes=kmn"], "unknown judge 'kmn'; did you mean knn"),
        (
            "demo",
            ["probe_every=1", "probe_images=0"],
            "probe_images must be at least 1",
        ),
    ],
)
def test_bad_input_ends_with_one_line_and_writes_nothing(
    tmp_path, capsys, data, settings, message
):
    workdir = tmp_path / "run"
    with pytest.raises(SystemExit, match="2"):
        pretrain.main(command(workdir, data, *settings))
    error = capsys.readouterr().err
    assert re.search(message, error), error
    assert len(error.splitlines()) == 1
    assert not workdir.exists()
