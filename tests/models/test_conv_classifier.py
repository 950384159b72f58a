import keras
import numpy as np
import pytest

from keras_mae import ConvClassifier
from keras_mae.layers import AlexNetEncoder
from keras_mae.optimizers import finetuning_rules
from keras_mae.program import InputError

from ..checks import check_model
from .test_context_encoder import TINY

ENCODER = {n: v for n, v in TINY.items() if n not in ("decoder_filters", "patch_size")}


def encoder(**overrides):
    keras.utils.set_random_seed(0)  # a filter may be dead at birth
    return AlexNetEncoder(**{**ENCODER, **overrides})


def test_classifier_is_a_keras_model(images):
    def classifier(dtype="float32", **kwargs):
        return ConvClassifier(encoder(dtype=dtype), 3, dtype=dtype, **kwargs)

    check_model(
        classifier,
        {},
        images,
        fit_data=(images, np.array([0, 1, 2, 0])),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        stays_float32=("output",),
    )


def test_pretrained_encoder_is_copied(images):
    source = encoder()
    classifier = ConvClassifier.from_encoder(source, 3, class_names=("a", "b", "c"))
    np.testing.assert_array_equal(classifier.encoder(images), source(images))
    assert classifier.encoder is not source
    assert classifier.class_names == ("a", "b", "c")


def test_convolutions_work_at_another_size():
    classifier = ConvClassifier.from_encoder(
        encoder(), 3, image_size=(32, 8), preprocessing=None
    )
    assert classifier(np.zeros((1, 32, 8, 3), "float32")).shape == (1, 3)


def test_lower_convolutions_take_smaller_steps():
    rules = finetuning_rules(ConvClassifier.from_encoder(encoder(), 3), 0.05, 0.5)
    assert rules["encoder/convolutions_0/kernel"] == (0.25, 0.05)
    assert rules["encoder/convolutions_0/bias"] == (0.25, 0.0)
    assert rules["encoder/convolutions_1/kernel"] == (0.5, 0.05)
    assert rules["conv_classifier/head/kernel"] == (1.0, 0.05)
    assert rules["conv_classifier/fc_norm/gamma"] == (1.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pooling": "token"}, "has no class token: pooling must be 'gap'"),
        ({"drop_path_rate": 0.1}, "drop_path_rate must be 0 for a AlexNetEncoder"),
    ],
)
def test_what_convolutions_have_not_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        ConvClassifier.from_encoder(encoder(), 3, **arguments)


def test_presets_make_classifiers_from_scratch():
    classifier = ConvClassifier.from_preset("context_encoder_micro", num_classes=10)
    assert classifier(np.zeros((2, 28, 28, 1), "float32")).shape == (2, 10)
