import keras
import numpy as np
import pytest
import tensorflow as tf

from training.distribution import strategy_scope


def masks_of(model, images, steps):
    """Trains for some steps and returns the masks of every step."""
    masks, call = [], model.call

    def recording(inputs, training=False):
        outputs = call(inputs, training=training)
        tf.py_function(lambda mask: masks.append(mask.numpy()), [outputs["mask"]], [])
        return outputs

    model.call = recording
    dataset = tf.data.Dataset.from_tensors(images).repeat()
    model.fit(dataset, steps_per_epoch=steps, shuffle=False, verbose=0)
    return masks


def compiled(model, **kwargs):
    model.compile(optimizer=keras.optimizers.SGD(0.1), **kwargs)
    return model


def test_masks_differ_between_images_and_steps(tiny, images):
    masks = masks_of(compiled(tiny()), images, 4)
    assert len({mask.tobytes() for mask in masks}) == 4
    assert len({row.tobytes() for row in masks[0]}) > 1


def test_masks_depend_on_the_seed(tiny, images):
    first = masks_of(compiled(tiny()), images, 1)
    assert np.any(first[0] != masks_of(compiled(tiny(seed=1)), images, 1)[0])


def test_a_resumed_run_draws_the_masks_it_would_have_drawn(tiny, images, tmp_path):
    whole = masks_of(compiled(tiny()), images, 4)
    model = compiled(tiny())
    model.fit(images, batch_size=4, epochs=2, shuffle=False, verbose=0)
    model.save_weights(tmp_path / "half.weights.h5")
    resumed = compiled(tiny(seed=0))
    resumed.optimizer.build(resumed.trainable_variables)
    resumed.load_weights(tmp_path / "half.weights.h5")
    np.testing.assert_array_equal(masks_of(resumed, images, 2), whole[2:])


def test_steps_per_execution_changes_nothing(tiny, images):
    dataset = tf.data.Dataset.from_tensors(images).repeat(4)
    weights = []
    for count in (1, 2, 4):
        keras.utils.set_random_seed(0)
        model = compiled(tiny(), steps_per_execution=count)
        model.fit(dataset, steps_per_epoch=4, shuffle=False, verbose=0)
        weights.append(np.concatenate([np.ravel(w) for w in model.weights]))
    np.testing.assert_array_equal(weights[1], weights[0])
    np.testing.assert_array_equal(weights[2], weights[0])


def test_evaluation_draws_the_same_masks_every_time(tiny, images):
    model = compiled(tiny())
    first = model(images)["mask"]
    loss = model.evaluate(images, batch_size=4, verbose=0)
    assert model.evaluate(images, batch_size=4, verbose=0) == loss
    np.testing.assert_array_equal(model(images)["mask"], first)


def test_training_needs_a_step(tiny, images):
    with pytest.raises(ValueError, match="call `compile"):
        tiny()(images, training=True)


def test_micro_steps_of_gradient_accumulation_draw_different_masks(tiny, images):
    model = tiny()
    optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)
    model.compile(optimizer=optimizer)
    masks = masks_of(model, images, 4)
    assert len({mask.tobytes() for mask in masks}) == 4


def test_loss_scaling_keeps_the_step(tiny, images):
    model = tiny(dtype="mixed_float16")
    model.compile(optimizer=keras.optimizers.SGD(0.1))
    masks = masks_of(model, images, 3)
    assert len({mask.tobytes() for mask in masks}) == 3


def test_replicas_draw_different_masks(tiny, images):
    with strategy_scope("mirrored", 4, replicas=2):
        strategy = tf.distribute.get_strategy()
        model = tiny()
        model.compile(optimizer=keras.optimizers.SGD(0.1))
        same = tf.constant(images[:2])
        outputs = strategy.run(lambda x: model(x, training=True), args=(same,))
    first, second = strategy.experimental_local_results(outputs["mask"])
    assert np.any(np.array(first) != np.array(second))
