import numpy as np
import tensorflow as tf

from keras_mae.context_losses import (
    adversarial_losses,
    inpainting_loss,
    overlap_weights,
)


def hole():
    hidden = np.zeros((1, 5, 5, 1), "float32")
    hidden[0, 2, 3] = 1
    return hidden


def test_the_band_weighs_ten_times_and_the_rest_nothing():
    expected = [
        [0, 0, 0, 0, 0],
        [0, 0, 10, 10, 10],
        [0, 0, 10, 1, 10],
        [0, 0, 10, 10, 10],
        [0, 0, 0, 0, 0],
    ]
    np.testing.assert_array_equal(overlap_weights(hole(), 1, 10.0)[0, ..., 0], expected)


def test_without_overlap_the_hole_alone_counts():
    np.testing.assert_array_equal(overlap_weights(hole(), 0, 10.0), hole())


def test_loss_is_the_mean_over_the_pixels_of_hole_and_band():
    targets, pred = np.zeros((2, 1, 5, 5, 2), "float32")
    pred[0, 2, 3] = [2, 4]  # mean of squares: 10
    pred[0, 1, 3] = [1, 1]
    pred[0, 0, 0] = [7, 7]  # beyond the band
    loss = inpainting_loss(targets, pred, hole(), 1, 10.0)
    np.testing.assert_allclose(loss, (1 * 10 + 10 * 1) / 9)


def test_weights_of_images_count():
    targets, pred = np.zeros((2, 2, 5, 5, 1), "float32")
    pred[1] = 3.0
    hidden = np.concatenate([hole(), hole()])
    for weights, expected in (([1, 0], 0.0), ([0, 1], 9.0), ([1, 3], 27 / 4)):
        loss = inpainting_loss(targets, pred, hidden, 0, 10.0, np.float32(weights))
        np.testing.assert_allclose(loss, expected)


def test_nothing_hidden_is_no_loss():
    pictures = np.ones((2, 1, 5, 5, 1), "float32")
    assert inpainting_loss(pictures[0], 3 * pictures[1], 0 * hole(), 1, 10.0) == 0


def test_losses_of_the_game_are_cross_entropies():
    real, painted = np.float32([2.0, 0.0]), np.float32([-1.0, 3.0])
    entropy = tf.nn.sigmoid_cross_entropy_with_logits
    generator, discriminator = adversarial_losses(real, painted)
    fooled = np.mean(entropy(np.ones(2, "float32"), painted))
    judged = np.mean(
        entropy(np.ones(2, "float32"), real) + entropy(np.zeros(2, "float32"), painted)
    )
    np.testing.assert_allclose(generator, fooled, rtol=1e-6)
    np.testing.assert_allclose(discriminator, judged, rtol=1e-6)


def test_no_logit_makes_an_infinite_loss():
    far = np.float32([-1e4, 1e4])
    for loss in adversarial_losses(far, far):
        assert np.isfinite(loss)
