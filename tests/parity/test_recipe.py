import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_mae
from keras_mae.optimizers import LARS, finetuning_rules, pretraining_rules
from training.schedules import warmup_cosine

from .golden import FOLDER, golden
from .measured import assert_near

RULES = json.loads((FOLDER / "rules.json").read_text())
VIT_BASE = "mae_vit_base_patch16"


@pytest.mark.parametrize("steps_per_epoch", [100])
def test_learning_rates_equal_the_originals(steps_per_epoch):
    (rates,) = (rule for name, rule in RULES.items() if "schedule" in name)
    schedule = warmup_cosine(2.4e-3, 800, 40, steps_per_epoch)
    for epoch, rate in rates:
        step = round(epoch * steps_per_epoch)
        np.testing.assert_allclose(schedule(step), rate, rtol=1e-4, atol=1e-9)


def test_the_same_parameters_are_decayed_as_in_the_originals_pretraining():
    with tf.Graph().as_default():  # names and shapes, without 112 million numbers
        model = keras_mae.MaskedAutoencoder.from_preset(VIT_BASE)
        rules = pretraining_rules(model, weight_decay=0.05)
    expected = RULES["pretrain_vit_base_weight_decay"]
    assert rules == {name: (1.0, decay) for name, decay in expected.items()}


def test_rates_and_decays_equal_the_originals_finetuning():
    with tf.Graph().as_default():
        model = keras_mae.ViTClassifier.from_preset(
            VIT_BASE, num_classes=1000, train_positions=True
        )
        rules = finetuning_rules(model, weight_decay=0.05, layer_decay=0.65)
    expected = RULES["finetune_vit_base_layer_decay_0.65"]
    assert rules.keys() == expected.keys()
    for name, rule in rules.items():
        np.testing.assert_allclose(rule, expected[name], rtol=1e-12, err_msg=name)


def test_steps_of_lars_equal_the_originals():
    arrays = golden("lars_lr0.3_wd0.01_m0.9_tc0.001")
    matrix, vector = (keras.Variable(arrays[name]) for name in ("w0", "b0"))
    optimizer = LARS(0.3, weight_decay=0.01, momentum=0.9, trust_coefficient=1e-3)
    for step in range(3):
        gradients = [arrays[f"gw{step}"], arrays[f"gb{step}"]]
        optimizer.apply(gradients, [matrix, vector])
        assert_near("weights after LARS' steps", matrix, arrays[f"w{step + 1}"], 1e-6)
        assert_near("weights after LARS' steps", vector, arrays[f"b{step + 1}"], 1e-6)
