import numpy as np
import pytest

from export.outputs import available_outputs, choose_outputs
from keras_mae.layers import pool
from keras_mae.program import InputError

from .conftest import make_encoder

IMAGES = np.random.default_rng(2).normal(size=(2, 32, 24, 3)).astype("float32")


def outputs_of(model, *names, **chosen):
    return choose_outputs(model, names, **chosen)(IMAGES)


def test_all_outputs_of_an_encoder_are_its_tokens(encoder):
    results = outputs_of(encoder, *available_outputs(encoder))
    tokens = encoder(IMAGES)
    assert list(results) == ["features", "tokens", "patch_map", "block_0", "block_1"]
    np.testing.assert_allclose(results["tokens"], tokens, atol=1e-6)
    np.testing.assert_allclose(results["features"], pool(tokens, "gap"), atol=1e-6)
    np.testing.assert_array_equal(results["patch_map"][:, 1, 2], tokens[:, 1 + 3 + 2])
    np.testing.assert_allclose(
        encoder.norm(results["block_1"]), results["tokens"], atol=1e-6
    )


def test_both_is_the_class_token_then_the_mean(encoder):
    results = outputs_of(encoder, "features", "tokens", pooling="both")
    np.testing.assert_array_equal(results["features"][:, :16], results["tokens"][:, 0])
    mean = np.mean(results["tokens"][:, 1:], axis=1)
    np.testing.assert_allclose(results["features"][:, 16:], mean, atol=1e-6)


def test_features_of_a_classifier_are_what_its_head_sees(classifier):
    results = outputs_of(classifier, "features", "logits")
    np.testing.assert_allclose(
        results["features"], classifier.features(IMAGES), atol=1e-6
    )
    np.testing.assert_allclose(results["logits"], classifier(IMAGES), atol=1e-6)


def test_classes_are_the_names_of_the_likeliest(classifier):
    results = outputs_of(classifier, "probabilities", "classes", top=2)
    np.testing.assert_allclose(np.sum(results["probabilities"], axis=1), 1, atol=1e-6)
    best = np.argsort(-results["probabilities"].numpy(), axis=1)[:, :2]
    expected = np.array([b"ant", b"bee", b"cat", b"dog"])[best]
    np.testing.assert_array_equal(results["classes"], expected)
    assert list(results) == ["probabilities", "classes", "scores"]


def test_names_of_classes_may_be_given(classifier):
    results = outputs_of(classifier, "classes", class_names=["a", "b", "c", "d"])
    assert results["classes"].shape == (2, 4)  # no more than there are
    assert set(results["classes"].numpy()[0]) == {b"a", b"b", b"c", b"d"}


def test_only_what_the_outputs_need_is_exported(classifier, autoencoder):
    assert choose_outputs(classifier, ["tokens"]).model is classifier.encoder
    assert choose_outputs(classifier, ["features"]).model is classifier
    assert choose_outputs(autoencoder).model is autoencoder.encoder


def test_mixed_precision_is_made_float32():
    outputs = choose_outputs(make_encoder(dtype="mixed_bfloat16"), ["tokens"])
    assert outputs.model.compute_dtype == "float32"


def test_config_makes_the_same_outputs(classifier):
    config = choose_outputs(classifier, ["classes"], top=3).config
    names = config.pop("outputs")
    again = choose_outputs(classifier, names, **config)
    assert (again.names, again.top, again.pooling) == (("classes",), 3, "gap")


@pytest.mark.parametrize(
    ("names", "chosen", "match"),
    [
        (["feature"], {}, "unknown output 'feature'; did you mean features"),
        (["block_2"], {}, "blocks are block_0 to block_1. Received: block_2"),
        (["logits"], {}, "logits is an output of a ViTClassifier. Received: a ViTEnc"),
        (["error_map"], {}, "error_map is an output of a MaskedAutoencoder"),
        ([], {}, "no outputs are named; choose from features, tokens"),
        (["tokens"], {"pooling": "mean"}, "unknown pooling 'mean'"),
    ],
)
def test_what_an_encoder_does_not_have_is_refused(encoder, names, chosen, match):
    with pytest.raises(InputError, match=match):
        choose_outputs(encoder, names, **chosen)


def test_another_pooling_than_trained_is_refused(classifier):
    with pytest.raises(InputError, match="trained with pooling 'gap'.*'token'; leave"):
        choose_outputs(classifier, pooling="token")


def test_names_of_classes_are_checked(classifier):
    with pytest.raises(InputError, match="each of the 4 classes. Received: 1 names"):
        choose_outputs(classifier, ["classes"], class_names=["a"])
    with pytest.raises(InputError, match="the top classes are at least 1"):
        choose_outputs(classifier, ["classes"], top=0)


def test_nameless_classes_are_refused(classifier):
    config = {**classifier.get_config(), "class_names": None}
    nameless = type(classifier).from_config(config)
    with pytest.raises(InputError, match="with the 4 names, one a line"):
        choose_outputs(nameless, ["classes"])
