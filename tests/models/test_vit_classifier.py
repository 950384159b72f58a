import keras
import numpy as np
import pytest

from keras_mae import ViTClassifier, ViTEncoder
from keras_mae.program import InputError

from ..checks import check_model

ENCODER = {
    "image_size": (16, 24),
    "patch_size": 8,
    "embed_dim": 16,
    "depth": 2,
    "num_heads": 2,
}


@pytest.mark.parametrize("pooling", ["gap", "token"])
def test_classifier_is_a_keras_model(images, pooling):
    def classifier(dtype="float32", **kwargs):
        encoder = ViTEncoder(**ENCODER, final_norm=pooling == "token", dtype=dtype)
        return ViTClassifier(encoder, 3, pooling, dtype=dtype, **kwargs)

    check_model(
        classifier,
        {},
        images,
        fit_data=(images, np.array([0, 1, 2, 0])),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        stays_float32=("output",),
    )


@pytest.mark.parametrize("pooling", ["gap", "token"])
def test_pretrained_encoder_is_copied(tiny, images, pooling):
    encoder = tiny().encoder
    classifier = ViTClassifier.from_encoder(encoder, 3, pooling)
    np.testing.assert_array_equal(
        classifier.encoder.embed(images), encoder.embed(images)
    )
    classifier.encoder.cls_token.assign_add(np.ones((1, 1, 16)))
    assert np.any(classifier.encoder.cls_token.numpy() != encoder.cls_token.numpy())


def test_token_features_are_the_encoders(tiny, images):
    encoder = tiny().encoder
    classifier = ViTClassifier.from_encoder(encoder, 3, "token")
    np.testing.assert_allclose(
        classifier.features(images), encoder(images)[:, 0], atol=1e-6
    )


def test_positions_are_trained_in_fine_tuning_only(tiny):
    classifier = ViTClassifier.from_encoder(tiny().encoder, 3)
    trained = [weight.path for weight in classifier.trainable_weights]
    assert "encoder/positions/pos_embed" in trained


def test_another_image_size_gets_its_own_positions(tiny):
    encoder = tiny().encoder
    classifier = ViTClassifier.from_encoder(encoder, 3, image_size=(32, 8))
    assert classifier(np.zeros((1, 32, 8, 3), "float32")).shape == (1, 3)
    assert classifier.preprocessing.image_size == (32, 8)
    assert classifier.preprocessing.mean == encoder.preprocessing.mean


def test_stochastic_depth_acts_in_training_only(tiny, images):
    encoder = tiny(depth=2).encoder  # of the first block nothing is dropped
    classifier = ViTClassifier.from_encoder(encoder, 3, drop_path_rate=0.9)
    classifier.head.kernel.assign(np.ones((16, 3)))
    classifier.compile(optimizer="sgd", loss="mse")
    np.testing.assert_array_equal(classifier(images), classifier(images))
    assert np.any(classifier(images, training=True) != classifier(images))


def test_an_encoder_that_does_not_fit_the_pooling_is_refused(tiny):
    with pytest.raises(ValueError, match="`encoder.final_norm` must be True"):
        ViTClassifier(tiny().encoder, 3, "gap")


@pytest.mark.parametrize("final_norm", [False, True])
def test_an_unknown_pooling_is_refused(final_norm):
    encoder = ViTEncoder(**ENCODER, final_norm=final_norm)
    with pytest.raises(ValueError, match="unknown pooling 'mean'; choose from gap, to"):
        ViTClassifier(encoder, 3, pooling="mean")


def test_no_classes_are_refused():
    encoder = ViTEncoder(**ENCODER, final_norm=False)
    with pytest.raises(ValueError, match="positive integer. Received: num_classes=0"):
        ViTClassifier(encoder, 0)


def test_an_encoder_without_final_norm_has_no_token_pooling(tiny):
    encoder = ViTClassifier.from_encoder(tiny().encoder, 3, "gap").encoder
    assert ViTClassifier.from_encoder(encoder, 3, "gap").pooling == "gap"
    with pytest.raises(InputError, match="'token' needs .* without final norm"):
        ViTClassifier.from_encoder(encoder, 3, "token")


def test_presets_make_classifiers_from_scratch():
    classifier = ViTClassifier.from_preset(
        "mae_vit_micro_patch4", num_classes=10, depth=1, drop_path_rate=0.1
    )
    assert classifier(np.zeros((2, 28, 28, 1), "float32")).shape == (2, 10)


def test_names_of_the_classes_travel_with_the_model(tiny, tmp_path):
    names = ["ant", "bee", "cat"]
    classifier = ViTClassifier.from_encoder(tiny().encoder, 3, class_names=names)
    classifier.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.class_names == ("ant", "bee", "cat")


def test_as_many_names_as_classes(tiny):
    with pytest.raises(ValueError, match="each of the 3 classes. Received: 1 names"):
        ViTClassifier.from_encoder(tiny().encoder, 3, class_names=["ant"])
