import keras
import numpy as np

from training.checkpoint import Checkpoint, checkpoints, epochs_done, restore


def tiny_model():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    return model


def fit(model, workdir, epochs):
    x = np.ones((4, 2), "float32")
    callbacks = [Checkpoint(workdir)]
    model.fit(x, x[:, :1], epochs=epochs, callbacks=callbacks, verbose=0)
    return model


def test_the_last_two_epochs_are_kept(tmp_path):
    fit(tiny_model(), tmp_path, 4)
    names = [folder.name for folder in checkpoints(tmp_path)]
    assert names == ["epoch_00003", "epoch_00004"]
    assert epochs_done(tmp_path) == 4


def test_weights_and_optimizer_come_back(tmp_path):
    trained = fit(tiny_model(), tmp_path, 2)
    fresh = tiny_model()
    restore(fresh, tmp_path)
    for old, new in zip(trained.weights, fresh.weights, strict=True):
        np.testing.assert_array_equal(new, old)
    assert int(fresh.optimizer.iterations) == 2


def test_half_written_checkpoints_are_not_seen(tmp_path):
    (tmp_path / "checkpoints" / ".partial_00009").mkdir(parents=True)
    fresh, before = tiny_model(), tiny_model()
    restore(fresh, tmp_path)
    assert epochs_done(tmp_path) == 0
    np.testing.assert_array_equal(fresh.weights[0], before.weights[0])


def test_a_loss_that_is_no_number_is_not_saved(tmp_path):
    callback = Checkpoint(tmp_path)
    callback.set_model(tiny_model())
    callback.on_epoch_end(0, {"loss": float("nan")})
    assert checkpoints(tmp_path) == []
