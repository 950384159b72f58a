import json
import os
import re
import shutil
import signal

import keras
import numpy as np
import pytest

import keras_mae
from keras_mae.optimizers import LARS
from training import linear_probe, published_probe
from training.checkpoint import checkpoints, newest_checkpoint
from training.features import FrozenEncoder
from training.preemption import Preemption
from training.published_probe import compile_probe, feature_batches
from training.published_probe_config import PublishedProbeConfig
from training.recipes import get_recipe

from .interruption import stopped_before_second_save

SETTINGS = ("batch_size=16", "base_learning_rate=100", "epochs=3", "warmup_epochs=1")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The file of a random encoder of grey pictures."""
    path = tmp_path_factory.mktemp("encoder") / "encoder.keras"
    keras.utils.set_random_seed(0)
    encoder = keras_mae.ViTEncoder(
        28, 4, num_channels=1, embed_dim=32, depth=1, num_heads=2
    )
    encoder.save(path)
    return path


@pytest.fixture(scope="module")
def shades(tmp_path_factory):
    """A file of noisy grey pictures: dark and bright ones as classes."""
    path, rng = (
        tmp_path_factory.mktemp("shades") / "shades.npz",
        np.random.default_rng(0),
    )
    arrays = {}
    for split, count in {"train": 64, "test": 30}.items():
        labels = np.arange(count) % 2
        noise = rng.integers(-30, 31, (count, 28, 28))
        arrays[f"x_{split}"] = np.uint8(60 + 100 * labels[:, None, None] + noise)
        arrays[f"y_{split}"] = labels
    np.savez(path, **arrays)
    return path


@pytest.fixture
def probe(model, shades):
    """Returns a function that runs the program."""

    def run(workdir, *settings, options=()):
        line = ["--recipe", "linear_probe_in1k", "--workdir", str(workdir)]
        line += ["--model", str(model), "--data", f"npz:{shades}", *options]
        results = linear_probe.main([*line, "--set", *SETTINGS, *settings])
        return results, keras.saving.load_model(workdir / "model.keras")

    return run


def assert_same_weights(one, other, atol=0):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


def test_recipe_is_the_published_one():
    config = get_recipe("linear_probe_in1k")
    assert config == PublishedProbeConfig()  # as documented there
    probe = published_probe.linear_probe(8, 3)
    compile_probe(probe, config, steps=78)
    lars = probe.optimizer
    assert isinstance(lars, LARS)
    assert (lars.momentum, lars.trust_coefficient) == (0.9, 1e-3)
    assert lars.weight_decay == 0
    rates = [float(lars._learning_rate(78 * epoch)) for epoch in (0, 5, 10, 50, 90)]
    np.testing.assert_allclose(rates, [0, 3.2, 6.4, 3.2, 0], atol=1e-5)


def test_head_is_the_published_one():
    probe = published_probe.linear_probe(512, 300)
    norm, dense = probe.layers
    assert [weight.name for weight in probe.trainable_weights] == ["kernel", "bias"]
    assert (norm.epsilon, norm.momentum) == (1e-6, 0.9)
    assert np.std(dense.kernel) == pytest.approx(0.01, rel=0.02)
    assert np.max(np.abs(dense.kernel)) > 0.04  # not cut at two deviations
    assert not np.any(dense.bias)


def test_probe_learns_and_the_encoder_does_not_change(probe, tmp_path, monkeypatch):
    seen, load = [], published_probe.load_encoder

    def load_and_keep(path):
        encoder = load(path)
        seen.extend([encoder, encoder.get_weights()])
        return encoder

    monkeypatch.setattr(published_probe, "load_encoder", load_and_keep)
    results, _ = probe(tmp_path / "run", "epochs=10", "pooling=gap")
    assert results["test_top1"] > 0.9
    encoder, before = seen
    for old, new in zip(before, encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


def test_run_writes_settings_logs_and_the_probe(probe, tmp_path):
    output = tmp_path / "results.json"
    results, saved = probe(tmp_path / "run", options=["--output", str(output)])
    assert json.loads(output.read_text()) == results
    assert (results["train_images"], results["test_images"]) == (64, 30)
    assert results["steps"] == 12
    table = (tmp_path / "run" / "logs" / "epochs.csv").read_text().splitlines()
    assert {"loss", "val_top1"} <= set(table[0].split(","))
    assert len(table) == 4
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["pooling"], config["batch_size"]) == ("token", 16)
    rules = json.loads((tmp_path / "run" / "rules.json").read_text())
    names = [name.rpartition("/")[2] for name in rules["trained"]]
    assert names == ["kernel", "bias"]
    for rule in rules["trained"].values():
        assert rule == {"learning_rate_scale": 1.0, "weight_decay": 0.0}
    assert saved.input_shape == (None, 32)
    assert saved.output_shape == (None, 2)


def test_test_split_may_lack_the_last_class(probe, shades, tmp_path):
    with np.load(shades) as arrays:
        arrays = dict(arrays)
    arrays["y_train"] = np.arange(64) % 3
    np.savez(tmp_path / "three.npz", **arrays)  # labels to test on are 0 and 1
    data = ["--data", f"npz:{tmp_path / 'three.npz'}"]
    _, saved = probe(tmp_path / "run", "epochs=1", options=data)
    assert saved.output_shape == (None, 3)


def test_images_encoded_at_once_change_nothing(probe, tmp_path):
    _, usual = probe(tmp_path / "usual")
    _, few = probe(tmp_path / "few", "encode_batch_size=5")
    assert_same_weights(few, usual, atol=1e-5)


@pytest.mark.slow
def test_two_replicas_end_as_one_device(probe, tmp_path):
    options = ("--strategy", "mirrored", "--replicas", "2")
    one, alone = probe(tmp_path / "one")
    two, together = probe(tmp_path / "two", options=options)
    assert_same_weights(together, alone, atol=1e-5)
    assert two["test_top1"] == one["test_top1"]


def test_a_run_stopped_within_an_epoch_ends_as_it_would_have(
    probe, tmp_path, monkeypatch
):
    _, whole = probe(tmp_path / "whole")
    after_step = Preemption.on_train_batch_end

    def sigterm_in_the_second_epoch(self, batch, logs=None):
        if (self.epoch, batch) == (1, 1):
            os.kill(os.getpid(), signal.SIGTERM)
        after_step(self, batch, logs)

    with monkeypatch.context() as patch:
        patch.setattr(Preemption, "on_train_batch_end", sigterm_in_the_second_epoch)
        with pytest.raises(SystemExit, match="143"):
            probe(tmp_path / "again")
    assert newest_checkpoint(tmp_path / "again")[:2] == (1, 2)
    _, resumed = probe(tmp_path / "again")
    assert_same_weights(resumed, whole)


def test_interrupted_run_ends_as_it_would_have(probe, tmp_path):
    _, whole = probe(tmp_path / "whole")
    with stopped_before_second_save(), pytest.raises(KeyboardInterrupt):
        probe(tmp_path / "again")
    assert len(checkpoints(tmp_path / "again")) == 1
    _, resumed = probe(tmp_path / "again")
    assert_same_weights(resumed, whole)


def test_another_encoder_under_the_same_name_is_refused(probe, model, tmp_path, capsys):
    file = tmp_path / "encoder.keras"
    shutil.copy(model, file)
    options = ["--model", str(file)]
    probe(tmp_path / "run", "epochs=1", options=options)
    encoder = keras_mae.load(file)
    encoder.cls_token.assign_add(encoder.cls_token + 1)
    encoder.save(file)
    with pytest.raises(SystemExit, match="2"):
        probe(tmp_path / "run", "epochs=1", options=options)
    error = capsys.readouterr().err.splitlines()[-1]
    assert re.search(r"configuration: model_sha256 \(there '\w{64}', here", error)


def test_other_data_under_the_same_name_are_refused(probe, shades, tmp_path, capsys):
    with np.load(shades) as arrays:
        arrays = dict(arrays)
    options = ["--data", f"npz:{tmp_path / 'data.npz'}"]
    np.savez(tmp_path / "data.npz", **arrays)
    probe(tmp_path / "run", "epochs=1", options=options)
    fewer = {"x_train": arrays["x_train"][:60], "y_train": arrays["y_train"][:60]}
    np.savez(tmp_path / "data.npz", **{**arrays, **fewer})
    with pytest.raises(SystemExit, match="2"):
        probe(tmp_path / "run", "epochs=1", options=options)
    error = capsys.readouterr().err.splitlines()[-1]
    assert "examples (there 64, here 60)" in error


def test_a_run_of_an_earlier_version_goes_on(probe, tmp_path):
    probe(tmp_path / "run", "epochs=1")
    path = tmp_path / "run" / "config.json"
    config = json.loads(path.read_text())
    assert (len(config.pop("model_sha256")), config.pop("examples")) == (64, 64)
    path.write_text(json.dumps(config))
    results, _ = probe(tmp_path / "run", "epochs=1")
    assert results["steps"] == 4


def test_images_are_cropped_and_encoded_anew_in_every_epoch(source, encoder):
    frozen = FrozenEncoder(encoder(), "token")
    config = PublishedProbeConfig(epochs=2, batch_size=12, seed=1)
    pictures = source(12)
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), "uint8")
    pictures.images = noise
    images = published_probe._images(pictures, encoder(), frozen, config, 1, 0, 0)
    first, second = feature_batches(frozen, images, config, 3).as_numpy_iterator()
    for features, labels in (first, second):
        assert features.shape == (12, 16)
        np.testing.assert_array_equal(labels.sum(0), [4, 4, 4])
    assert not np.isclose(np.sort(first[0][:, 0]), np.sort(second[0][:, 0])).any()


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        (["batch_size=65"], [], "batch of 65 is larger than the data.*has 64 images"),
        (["batch_size=0"], [], "batch_size must be at least 1; received 0"),
        (["max_test_images=0"], [], "max_test_images must be at least 1; received 0"),
        (["warmup_epochs=4"], [], "warmup_epochs must be 0 to 3.*received 4"),
        (["pooling=gab"], [], "unknown pooling 'gab'; did you mean gap"),
        (["crop_scale=0,1"], [], "crop_scale must be two shares"),
        (["optimizer=sgd"], [], "unknown --set key 'optimizer'"),
        ([], ["--recipe", "demo"], "recipe 'demo' is of the program pretrain"),
        ([], ["--model", "absent.keras"], "no model file absent.keras"),
    ],
)
def test_bad_input_ends_with_one_line_and_writes_nothing(
    probe, tmp_path, capsys, settings, options, message
):
    with pytest.raises(SystemExit, match="2"):
        probe(tmp_path / "run", *settings, options=options)
    error = capsys.readouterr().err
    assert re.search(message, error), error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "run").exists()
