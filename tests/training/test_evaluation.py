import keras
import numpy as np
import pytest

from keras_mae import Preprocessing
from keras_mae.program import InputError
from training.distribution import strategy_scope
from training.evaluation import loss_and_metrics, padded_batches

PREPROCESSING = Preprocessing(16, 3)


class Brightness(keras.Model):
    """Logits of three classes from the mean of an image."""

    def build(self, input_shape):
        self.slope = self.add_weight(shape=(3,), initializer="ones", name="slope")

    def call(self, images, training=False):
        mean = keras.ops.mean(images, axis=(1, 2, 3))
        return mean[:, None] * self.slope * np.float32([0.1, 0.2, 0.3])


def evaluate(source, batch_size, strategy="one", **kwargs):
    with strategy_scope(strategy, batch_size, replicas=2):
        model = Brightness()
        model.compile(**loss_and_metrics(3))
    batches = padded_batches(source, PREPROCESSING, batch_size, **kwargs)
    return model.evaluate(batches, verbose=0, return_dict=True)


def by_hand(source):
    examples = list(source.examples().as_numpy_iterator())
    images = np.array([PREPROCESSING(example["image"]) for example in examples])
    labels = np.array([example["label"] for example in examples])
    logits = images.mean((1, 2, 3))[:, None] * np.float32([0.1, 0.2, 0.3])
    log_sum = np.log(np.exp(logits).sum(1))
    losses = log_sum - logits[np.arange(len(labels)), labels]
    top1 = (logits.argmax(1) == labels).mean()
    return {"loss": losses.mean(), "top1": top1, "top5": 1.0}


@pytest.mark.parametrize("batch_size", [2, 4, 10, 16])
def test_results_do_not_depend_on_the_batch(source, batch_size):
    results = evaluate(source(10), batch_size)
    assert results == pytest.approx(by_hand(source(10)), rel=1e-5)


@pytest.mark.parametrize("batch_size", [4, 16])
def test_two_replicas_judge_as_one_device(source, batch_size):
    results = evaluate(source(10), batch_size, "mirrored")
    assert results == pytest.approx(by_hand(source(10)), rel=1e-5)


def test_hosts_share_the_images_and_weigh_them_alike(source):
    parts = [
        list(padded_batches(source(9), PREPROCESSING, 4, host=host, num_hosts=2))
        for host in range(2)
    ]
    assert [len(part) for part in parts] == [3, 3]
    weights = np.concatenate([weights for part in parts for *_, weights in part])
    assert sorted(weights) == pytest.approx([0] * 3 + [12 / 9] * 9)
    labels = np.concatenate([labels for part in parts for _, labels, _ in part])
    assert labels.sum(0).tolist() == [3, 3, 3]


def test_fewer_images_are_spread_over_all(source):
    batches = list(padded_batches(source(10), PREPROCESSING, 4, max_images=5))
    weights = np.concatenate([weights for *_, weights in batches])
    np.testing.assert_allclose(weights, [8 / 5] * 5 + [0] * 3, rtol=1e-6)
    means = np.concatenate([images.numpy().mean((1, 2, 3)) for images, *_ in batches])
    everyone = padded_batches(source(10), PREPROCESSING, 10)
    (expected,) = [images.numpy().mean((1, 2, 3)) for images, *_ in everyone]
    np.testing.assert_allclose(means[:5], expected[::2], rtol=1e-5)


def test_batches_have_one_size_and_their_number_is_known(source):
    batches = padded_batches(source(10), PREPROCESSING, 4)
    assert len(batches) == 3
    shapes = [tensor.shape for tensor in batches.element_spec]
    assert shapes == [(4, 16, 16, 3), (4, 3), (4,)]
    weights = np.concatenate([weights for _, _, weights in batches])
    np.testing.assert_allclose(weights, [1.2] * 10 + [0, 0], rtol=1e-6)


def test_labels_are_of_the_training_split_which_may_have_more_classes(source):
    batches = padded_batches(source(10), PREPROCESSING, 4, num_classes=4)
    labels = np.concatenate([labels for _, labels, _ in batches])
    assert labels.sum(0).tolist() == [4, 3, 3, 0]


def test_classes_that_nothing_was_trained_on_are_refused(source):
    with pytest.raises(InputError, match="3 classes; expected at most the 2"):
        padded_batches(source(10), PREPROCESSING, 4, num_classes=2)
