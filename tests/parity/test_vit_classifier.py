import pytest

import keras_mae

from .golden import assign, golden
from .measured import assert_near


@pytest.mark.parametrize(
    ("name", "pooling"), [("vit_gap", "gap"), ("vit_cls", "token")]
)
def test_features_and_logits_equal_the_originals(name, pooling):
    arrays = golden(name)
    encoder = keras_mae.ViTEncoder(32, 8, 3, 48, 3, 4, final_norm=pooling == "token")
    model = keras_mae.ViTClassifier(encoder, num_classes=7, pooling=pooling)
    assign(model, arrays)
    features = model.features(arrays["images"])
    assert_near("features of classifiers", features, arrays["features"])
    assert_near("logits of classifiers", model(arrays["images"]), arrays["logits"])
