import json

import keras
import numpy as np
import pytest

import keras_mae
from keras_mae.optimizers import AdamW
from training.schedules import warmup_cosine

from .golden import FOLDER, original_name

RULES = json.loads((FOLDER / "rules.json").read_text())


@pytest.mark.parametrize("steps_per_epoch", [100])
def test_learning_rates_equal_the_originals(steps_per_epoch):
    (rates,) = (rule for name, rule in RULES.items() if "schedule" in name)
    schedule = warmup_cosine(2.4e-3, 800, 40, steps_per_epoch)
    for epoch, rate in rates:
        step = round(epoch * steps_per_epoch)
        np.testing.assert_allclose(schedule(step), rate, rtol=1e-4, atol=1e-9)


def test_the_same_parameters_are_decayed_as_in_the_original():
    small = {"embed_dim": 48, "num_heads": 4, "decoder_embed_dim": 32}
    model = keras_mae.MaskedAutoencoder.from_preset(
        "mae_vit_base_patch16", image_size=32, **small
    )
    optimizer = AdamW()
    optimizer.build(model.trainable_variables)
    decayed = {
        original_name(weight): 0.05 * optimizer._use_weight_decay(weight)
        for weight in model.trainable_variables
    }
    assert decayed == RULES["pretrain_vit_base_weight_decay"]


def test_the_optimizer_survives_its_configuration():
    optimizer = AdamW(1e-3, weight_decay=0.1)
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer)
    )
    assert copy.get_config() == optimizer.get_config()
