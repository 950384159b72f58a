import pytest

import keras_mae
from keras_mae.weights.hugging_face import (
    make_config,
    make_processor,
    preprocessing_of,
)

from .models import autoencoder, classifier, encoder


def test_a_configuration_names_transformers_class():
    made = {model: make_config(model) for model in (autoencoder(), encoder())}
    classes = [config["architectures"] for config in made.values()]
    assert classes == [["ViTMAEForPreTraining"], ["ViTModel"]]
    config = make_config(classifier())
    assert config["architectures"] == ["ViTForImageClassification"]
    assert config["id2label"] == {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}


def test_a_configuration_tells_the_names_of_the_classes():
    model = classifier()
    model.class_names = ("ant", "bee", "cat")
    config = make_config(model)
    assert config["id2label"] == {0: "ant", 1: "bee", 2: "cat"}
    assert config["label2id"] == {"ant": 0, "bee": 1, "cat": 2}


def test_a_configuration_tells_both_sizes():
    config = make_config(autoencoder(mlp_ratio=2.7))
    sizes = {name: config[name] for name in config if name.endswith("_size")}
    assert sizes == {
        "image_size": 16,
        "patch_size": 8,
        "hidden_size": 16,
        "intermediate_size": 43,
        "decoder_hidden_size": 8,
        "decoder_intermediate_size": 21,
    }


@pytest.mark.parametrize(
    "preprocessing",
    [
        keras_mae.Preprocessing(224),
        keras_mae.Preprocessing(28, 1, 0.3, 0.7, 1.0, "bilinear"),
    ],
)
def test_preprocessing_survives(preprocessing):
    told = preprocessing_of(make_processor(preprocessing))
    size = {"image_size": preprocessing.image_size}
    channels = {"num_channels": preprocessing.num_channels}
    again = keras_mae.Preprocessing(**told, **size, **channels)
    assert again.get_config() == preprocessing.get_config()


def test_the_shorter_side_is_a_whole_number_of_pixels():
    processor = make_processor(keras_mae.Preprocessing(32, crop_ratio=0.875))
    assert processor["size"] == {"shortest_edge": 37}  # of 36.57
    assert processor["crop_size"] == {"height": 32, "width": 32}


@pytest.mark.parametrize(
    "processor",
    [
        {},
        {"size": 224, "crop_size": 224},
        {"size": {"shortest_edge": "256"}, "crop_size": {"height": 224}},
        {"size": {"shortest_edge": 0}, "crop_size": {"height": 224}},
        {"resample": 5},
    ],
)
def test_other_processors_tell_no_crop(processor):
    told = preprocessing_of(processor)
    assert "crop_ratio" not in told
    assert told["interpolation"] is None
