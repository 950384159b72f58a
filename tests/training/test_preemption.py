"""SIGTERM or Ctrl-C while training: the run that goes on is the run that was."""

import os
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mae.program import InputError
from training import preemption
from training.checkpoint import checkpoints, newest_checkpoint, restore
from training.config import RunConfig
from training.distribution import strategy_scope
from training.fitting import fit
from training.workdir import open_workdir

from .test_checkpoint import Line

STEPS, EPOCHS = 4, 3
TIMED = ("images_per_second", "input_wait")


class Config(RunConfig):
    epochs, batch_size, skip_limit = EPOCHS, 2, 20


def send(number=signal.SIGTERM):
    os.kill(os.getpid(), number)


class SignalAt(keras.callbacks.Callback):
    """Sends this process a signal in an epoch: as it begins or ends, or in a step."""

    def __init__(self, epoch, moment, number=signal.SIGTERM):
        super().__init__()
        self.place, self.number = (epoch, moment), number

    def _pass(self, moment):
        if (self.epoch, moment) == self.place:
            send(self.number)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self._pass("begin")

    def on_train_batch_begin(self, batch, logs=None):
        self._pass(batch)

    def on_epoch_end(self, epoch, logs=None):
        self._pass("end")


def batches(first_epoch, first_step=0, bad_steps=()):
    x = np.random.default_rng(0).normal(size=(EPOCHS * STEPS, 2, 2)).astype("float32")
    x[list(bad_steps)] = np.nan
    dataset = tf.data.Dataset.from_tensor_slices((x, x[..., :1]))
    return dataset.skip(first_epoch * STEPS + first_step)


def run(workdir, *callbacks, strategy="one", batches=batches, steps=STEPS, **kwargs):
    keras.utils.set_random_seed(0)
    with strategy_scope(strategy, 2, replicas=2):
        model = Line()
        # In training the average is beside the weights, at the end in their place.
        optimizer = keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.5)
        model.compile(optimizer, "mse", metrics=["mae"], **kwargs)
        saved = newest_checkpoint(workdir)
        restore(model, saved)
    config = Config()
    workdir = open_workdir(workdir, config)
    fit(model, batches, config, workdir, steps, saved, callbacks)
    return model


def table(workdir):
    lines = (workdir / "logs" / "epochs.csv").read_text().splitlines()
    names, *rows = (line.split(",") for line in lines)
    rows = [dict(zip(names, row, strict=True)) for row in rows]
    return [{k: v for k, v in row.items() if k not in TIMED} for row in rows]


def assert_same(model, other):
    for first, second in zip(
        (*model.weights, *model.optimizer.variables),
        (*other.weights, *other.optimizer.variables),
        strict=True,
    ):
        np.testing.assert_array_equal(second, first, err_msg=first.path)


@pytest.mark.parametrize(
    ("place", "done", "options"),
    [
        ((1, 1), (1, 2), {}),
        ((1, 3), (2, 0), {}),
        ((1, "begin"), (1, 1), {}),
        ((0, "end"), (1, 0), {}),
        ((2, "end"), (3, 0), {}),
        ((1, 0), (1, 2), {"steps_per_execution": 2}),
        pytest.param((0, 2), (0, 3), {"strategy": "mirrored"}, marks=pytest.mark.slow),
    ],
)
def test_a_run_stopped_by_sigterm_goes_on_as_it_would_have(
    tmp_path, capsys, place, done, options
):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    expected = run(whole, **options)
    with pytest.raises(SystemExit, match="143"):
        run(stopped, SignalAt(*place), **options)
    assert "stopped by SIGTERM" in capsys.readouterr().err
    assert newest_checkpoint(stopped)[:2] == done
    resumed = run(stopped, **options)
    assert "resuming after epoch" in capsys.readouterr().out
    if done != (EPOCHS, 0):  # otherwise `fit` is not called again, which averages
        assert_same(expected, resumed)
    assert table(stopped) == table(whole)
    assert [saved[:2] for saved in checkpoints(stopped)] == [(2, 0), (3, 0)]


def test_a_second_sigterm_changes_nothing(tmp_path, monkeypatch):
    expected, save = run(tmp_path / "whole"), preemption.save

    def interrupted_save(*args):
        send()
        save(*args)
        send()

    monkeypatch.setattr(preemption, "save", interrupted_save)
    for done in [(0, 2), (1, 2)]:  # and the run that goes on may be stopped too
        with pytest.raises(SystemExit, match="143"):
            run(tmp_path / "stopped", SignalAt(done[0], 1))
        assert newest_checkpoint(tmp_path / "stopped")[:2] == done
    assert_same(expected, run(tmp_path / "stopped"))


def test_the_schedule_goes_on_where_an_epoch_is_not_saved(tmp_path):
    def with_faults(*first):  # the last steps of the second epoch
        return batches(*first, bad_steps=[6, 7])

    with pytest.raises(SystemExit, match="143"):
        run(tmp_path, SignalAt(1, 0), batches=with_faults)
    assert newest_checkpoint(tmp_path)[:2] == (1, 1)
    resumed = run(tmp_path, batches=with_faults)
    assert int(resumed.optimizer.iterations) == EPOCHS * STEPS


@pytest.fixture
def sigint():
    """Sets what SIGINT does, which in the background shells have it ignored."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda handler: signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_saves_too_and_a_second_one_ends_at_once(tmp_path, capsys, sigint):
    sigint(signal.default_int_handler)
    expected = run(tmp_path / "whole")
    with pytest.raises(SystemExit, match="130"):
        run(tmp_path / "once", SignalAt(1, 1, signal.SIGINT))
    assert "stopped by SIGINT in epoch 2, after step 2" in capsys.readouterr().err
    assert_same(expected, run(tmp_path / "once"))
    twice = [SignalAt(1, 1, signal.SIGINT) for _ in range(2)]
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "twice", *twice)
    assert newest_checkpoint(tmp_path / "twice")[:2] == (1, 0)


def test_a_run_that_ignores_ctrl_c_does_so_while_training(tmp_path, sigint):
    sigint(signal.SIG_IGN)
    run(tmp_path, SignalAt(1, 1, signal.SIGINT))
    assert newest_checkpoint(tmp_path)[:2] == (EPOCHS, 0)


def test_an_epoch_that_became_shorter_than_it_went_is_an_error(tmp_path):
    with pytest.raises(SystemExit, match="143"):
        run(tmp_path, SignalAt(1, 2))
    message = "after step 3 of an epoch, which now has 2; are images missing"
    with pytest.raises(InputError, match=message):
        run(tmp_path, steps=2)
    assert newest_checkpoint(tmp_path)[:2] == (1, 3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_what_they_were_after_training(tmp_path, number):
    before = signal.getsignal(number)
    run(tmp_path)
    assert signal.getsignal(number) == before
