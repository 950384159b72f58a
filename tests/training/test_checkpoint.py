import json
import os
import shutil

import keras
import numpy as np
import pytest

from keras_mae.models.training_step import TrainingStep
from keras_mae.program import InputError, RunError
from training.checkpoint import (
    Checkpoint,
    Saved,
    checkpoints,
    newest_checkpoint,
    restore,
    save,
)


class Line(TrainingStep, keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.dense.build((None, 2))
        self.built = True

    def call(self, x, training=False):
        return self.dense(x)


def tiny_model():
    keras.utils.set_random_seed(0)
    model = Line()
    model.compile(optimizer="adam", loss="mse")
    return model


def fit(model, workdir, epochs, x=None):
    x = np.ones((4, 2), "float32") if x is None else x
    callbacks = [Checkpoint(workdir)]
    model.fit(x, x[:, :1], epochs=epochs, callbacks=callbacks, verbose=0)
    return model


def saved_model(workdir, *places):
    """A model saved at some places, each an epoch or an epoch and a step."""
    model = tiny_model()
    model.optimizer.build(model.trainable_variables)
    for place in places:
        save(model, workdir, *place)
    return model


def damage(path):
    """Cuts the end of a file off."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def test_the_last_two_epochs_are_kept(tmp_path):
    fit(tiny_model(), tmp_path, 4)
    names = [saved.path.name for saved in checkpoints(tmp_path)]
    assert names == ["epoch_00003", "epoch_00004"]
    assert newest_checkpoint(tmp_path)[:2] == (4, 0)


def test_weights_optimizer_and_logs_come_back(tmp_path):
    trained = fit(tiny_model(), tmp_path, 2)
    fresh, saved = tiny_model(), newest_checkpoint(tmp_path)
    restore(fresh, saved)
    for old, new in zip(trained.weights, fresh.weights, strict=True):
        np.testing.assert_array_equal(new, old)
    assert int(fresh.optimizer.iterations) == 2
    assert saved.state["logs"]["loss"] == trained.history.history["loss"][-1]


def test_places_within_an_epoch_come_before_its_end(tmp_path):
    saved_model(tmp_path, (9,), (9, 20), (9, 100), (10,))
    assert [saved[:2] for saved in checkpoints(tmp_path)] == [(9, 100), (10, 0)]
    assert newest_checkpoint(tmp_path)[:2] == (10, 0)
    assert newest_checkpoint(tmp_path, at_most=Saved(9, 200))[:2] == (9, 100)


def test_half_written_checkpoints_are_not_seen_and_make_room(tmp_path):
    partial = tmp_path / "checkpoints" / ".partial_epoch_00009"
    partial.mkdir(parents=True)
    fresh, before = tiny_model(), tiny_model()
    saved = newest_checkpoint(tmp_path)
    assert saved == Saved(0, 0, None)
    restore(fresh, saved)
    np.testing.assert_array_equal(fresh.weights[0], before.weights[0])
    saved_model(tmp_path, (1,))
    assert not partial.exists()


@pytest.mark.parametrize("name", ["model.weights.h5", "state.json"])
def test_a_truncated_checkpoint_gives_way_to_the_one_before(tmp_path, capsys, name):
    saved_model(tmp_path, (1,), (2,))
    damage(tmp_path / "checkpoints" / "epoch_00002" / name)
    assert newest_checkpoint(tmp_path)[:2] == (1, 0)
    assert "epoch_00002 is damaged and passed over" in capsys.readouterr().err
    saved_model(tmp_path, (2,))  # and is written anew
    assert newest_checkpoint(tmp_path)[:2] == (2, 0)


def test_only_damaged_checkpoints_are_not_the_beginning(tmp_path):
    saved_model(tmp_path, (1,))
    damage(tmp_path / "checkpoints" / "epoch_00001" / "model.weights.h5")
    with pytest.raises(InputError, match="are damaged; remove that folder"):
        newest_checkpoint(tmp_path)


def test_a_loss_that_is_no_number_is_not_saved(tmp_path):
    callback = Checkpoint(tmp_path)
    callback.set_model(tiny_model())
    callback.on_epoch_end(0, {"loss": float("nan")})
    assert checkpoints(tmp_path) == []


def test_an_epoch_that_ends_in_steps_left_out_is_not_saved(tmp_path):
    model = fit(tiny_model(), tmp_path, 1)
    nan = np.full((4, 2), np.nan, "float32")
    fit(model, tmp_path, 1, nan)
    assert model.step_watch.skipped_in_a_row == 1  # may be loss scaling at work
    os.rename(tmp_path / "checkpoints", tmp_path / "before")
    fit(model, tmp_path, 1, nan)
    assert model.step_watch.skipped_in_a_row == 2
    assert checkpoints(tmp_path) == []


def full_disk(monkeypatch, patch):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*patch, fail)


@pytest.mark.parametrize("patch", [(Line, "save_weights"), (json, "dumps")])
def test_a_full_disk_is_told_and_the_last_checkpoint_intact(
    tmp_path, monkeypatch, patch
):
    model = saved_model(tmp_path, (1,))
    full_disk(monkeypatch, patch)
    message = "epoch_00002 cannot be written.*No space left.*last good one.*epoch_00001"
    with pytest.raises(RunError, match=message):
        save(model, tmp_path, 2)
    monkeypatch.undo()
    assert newest_checkpoint(tmp_path)[:2] == (1, 0)
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1


def test_room_is_looked_for_before_anything_is_written(tmp_path, monkeypatch):
    model = saved_model(tmp_path, (1,))
    usage = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    monkeypatch.setattr(Line, "save_weights", None)
    with pytest.raises(RunError, match="bytes are needed and 10 are free"):
        save(model, tmp_path, 2)
