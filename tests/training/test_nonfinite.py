"""Steps that are not finite: where it began, going back, and giving up."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mae import MaskedAutoencoder
from training.checkpoint import Checkpoint, checkpoints
from training.diagnosis import first_nonfinite
from training.distribution import strategy_scope
from training.hosts import Host
from training.nonfinite import NonFiniteSteps, TrainingDiverged

STEPS = 3


def tiny_model(strategy="one", **kwargs):
    keras.utils.set_random_seed(0)
    sizes = {"image_size": 8, "patch_size": 4, "embed_dim": 8, "depth": 1}
    decoder = {"decoder_embed_dim": 4, "decoder_depth": 1, "decoder_num_heads": 1}
    with strategy_scope(strategy, 2, replicas=2):
        model = MaskedAutoencoder(**sizes, **decoder, num_heads=1, **kwargs)
        model.compile(keras.optimizers.SGD(0.1))
    return model


def batch(bad=False):
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    images[1, 0, 0, 0] = np.nan if bad else 0
    return tf.constant(images)


def train(model, workdir, bad_steps=(), epochs=3, limit=2):
    """Trains for epochs of three steps; those at `bad_steps` of all hold a NaN."""
    images = [batch(step in bad_steps) for step in range(STEPS * epochs)]
    dataset = tf.data.Dataset.from_tensor_slices(images)
    watch = NonFiniteSteps(
        workdir, limit, STEPS, lambda epoch, step: images[epoch * STEPS + step]
    )
    model.fit(
        dataset,
        steps_per_epoch=STEPS,
        epochs=epochs,
        shuffle=False,
        callbacks=[watch, Checkpoint(workdir)],
        verbose=0,
    )


def fill(variable, value):
    variable.assign(np.full(variable.shape, value))


def step_of(model, images, parts=1):
    """Makes a step that is left out, and asks where it began."""
    before = model.get_weights()
    model.train_on_batch(images)
    assert model.step_watch.skipped == 1
    found = first_nonfinite(model, images, 0, parts)
    assert int(np.array(model.optimizer.iterations)) == 1
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    return found


def test_a_batch_that_is_not_finite_is_told():
    assert step_of(tiny_model(), batch(bad=True)) == "the batch itself is not finite"
    found = step_of(tiny_model("mirrored"), batch(bad=True), parts=2)
    assert found == "the batch itself is not finite"


def test_the_first_layer_is_named():
    model = tiny_model()
    block = model.encoder.blocks[0]
    fill(block.mlp.fc1.bias, 1e30)
    fill(block.mlp.fc2.kernel, 1e30)
    found = step_of(model, batch())
    assert found == f"it began in the layer {block.mlp.fc2.path}"
    assert "fc2" in found


def test_the_loss_is_named():
    model = tiny_model()
    fill(model.decoder.decoder_pred.bias, 1e30)
    assert step_of(model, batch()) == "it began in the loss"


def test_a_gradient_is_named():
    model = tiny_model()
    fill(model.decoder.decoder_pred.kernel, 3e38)  # what flows back gets too large
    fill(model.decoder.decoder_norm.gamma, 1e-37)
    found = step_of(model, batch())
    assert found.startswith("it began in the gradient of ")
    assert "decoder_norm" in found


def test_without_a_fault_nothing_is_blamed():
    model = tiny_model()
    model.train_on_batch(batch())
    found = first_nonfinite(model, batch(), 0)
    assert found == "computed once more, without compilation, all of it is finite"


def test_of_several_hosts_each_looks_at_its_share():
    model, images = tiny_model(), batch(bad=True)  # in the second half
    model.train_on_batch(images)
    found = [
        first_nonfinite(model, images[i : i + 1], 0, parts=2, host=Host(i, 2))
        for i in range(2)
    ]
    assert found == [
        "the share of worker 1 is finite",
        "the batch itself is not finite",
    ]


def test_a_single_step_is_told_once_an_epoch_and_training_goes_on(tmp_path, capsys):
    model = tiny_model()
    train(model, tmp_path, bad_steps=[1, 4, 6, 8])
    told = capsys.readouterr().err.splitlines()
    assert told == [
        f"left out step {step} of epoch {epoch}: the batch itself is not finite"
        for step, epoch in [(2, 1), (2, 2), (1, 3)]
    ]
    assert int(model.optimizer.iterations) == 9


def test_within_an_execution_the_last_step_left_out_is_told(tmp_path, capsys):
    model = tiny_model()
    model.steps_per_execution = STEPS
    train(model, tmp_path, bad_steps=[0, 1, 6])
    assert capsys.readouterr().err.splitlines() == [
        f"left out step {step} of epoch {epoch}: the batch itself is not finite"
        for step, epoch in [(2, 1), (1, 3)]
    ]


@pytest.mark.parametrize(
    "strategy", ["one", pytest.param("mirrored", marks=pytest.mark.slow)]
)
def test_after_a_row_the_run_goes_back_and_its_schedule_on(tmp_path, capsys, strategy):
    model, two = tiny_model(strategy), tiny_model(strategy)
    train(model, tmp_path / "one", bad_steps=[4, 5], epochs=2)
    train(two, tmp_path / "two", epochs=1)
    for weight, old in zip(model.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, old)
    assert int(np.array(model.optimizer.iterations)) == 6
    assert "Going back to" in capsys.readouterr().err
    assert model.step_watch.skipped_in_a_row == 0


def test_if_it_comes_again_the_run_stops(tmp_path):
    message = "2 steps in a row.*last step 1 of epoch 3.*again after going back.*lower"
    with pytest.raises(TrainingDiverged, match=message):
        train(tiny_model(), tmp_path, bad_steps=[3, 4, 5, 6])
    assert checkpoints(tmp_path)[0].epoch == 1


def test_after_a_good_epoch_it_may_go_back_once_more(tmp_path, capsys):
    train(tiny_model(), tmp_path, bad_steps=[3, 4, 9, 10], epochs=4)
    assert capsys.readouterr().err.count("Going back to") == 2


def test_without_checkpoint_the_run_stops(tmp_path):
    with pytest.raises(TrainingDiverged, match="No checkpoint to go back to"):
        train(tiny_model(), tmp_path, bad_steps=[0, 1])
