import numpy as np
import pytest

import keras_mae
from keras_mae.optimizers import (
    VariableRule,
    adamw_arguments,
    finetuning_rules,
    pretraining_rules,
)
from keras_mae.optimizers.rules import layers_of


def test_each_layer_takes_smaller_steps_than_the_next(classifier):
    rules = finetuning_rules(classifier(), weight_decay=0.1, layer_decay=0.5)
    assert rules["patch_embed.proj.weight"] == (0.125, 0.1)
    assert rules["blocks.0.attn.qkv.weight"] == (0.25, 0.1)
    assert rules["blocks.1.attn.qkv.weight"] == (0.5, 0.1)
    assert rules["head.weight"] == (1, 0.1)


def test_vectors_and_embeddings_are_not_decayed_in_finetuning(classifier):
    rules = finetuning_rules(classifier())
    undecayed = {name for name, rule in rules.items() if rule.weight_decay == 0}
    assert {"cls_token", "pos_embed", "head.bias", "fc_norm.weight"} <= undecayed
    assert not any(name.endswith(("fc1.weight", "qkv.weight")) for name in undecayed)


def test_the_class_token_is_decayed_in_pretraining(classifier):
    rules = pretraining_rules(classifier(), weight_decay=0.1)
    assert rules["cls_token"] == VariableRule(1.0, 0.1)
    assert rules["blocks.0.norm1.weight"] == VariableRule(1.0, 0.0)


@pytest.mark.parametrize("pooling", ["gap", "token"])
def test_every_trainable_variable_has_one_rule(classifier, pooling):
    model = classifier(pooling=pooling)
    paths = [variable.path for variable in model.trainable_variables]
    for rules in (finetuning_rules(model), pretraining_rules(model)):
        tables = adamw_arguments(model, rules)
        for table in tables.values():
            assert sorted(table) == sorted(paths)
            assert len(table) == len(rules)


def test_frozen_variables_have_none(classifier):
    model = classifier()
    model.encoder.trainable = False
    assert sorted(finetuning_rules(model)) == [
        "fc_norm.bias",
        "fc_norm.weight",
        "head.bias",
        "head.weight",
    ]


class WithTemperature(keras_mae.ViTClassifier):
    def build(self, input_shape):
        if not self.built:
            self.temperature = self.add_weight(name="temperature")
        super().build(input_shape)


@pytest.mark.parametrize("rules", [finetuning_rules, pretraining_rules])
def test_a_variable_that_no_rule_knows_is_an_error(rules):
    encoder = keras_mae.ViTEncoder(16, 8, 3, 16, 2, 2, final_norm=False)
    with pytest.raises(ValueError, match="have none: .*/temperature"):
        rules(WithTemperature(encoder, 3))


def test_undecayed_names_must_exist(classifier):
    with pytest.raises(ValueError, match="names no variable: 'pos_embde'"):
        finetuning_rules(classifier(), undecayed=("pos_embde",))


@pytest.mark.parametrize("decay", [0, 1.5])
def test_impossible_layer_decays_are_errors(classifier, decay):
    with pytest.raises(ValueError, match=r"`layer_decay` must lie in \(0, 1\]"):
        finetuning_rules(classifier(), layer_decay=decay)


def zero(match, depth):
    return 0


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        ({"a.*": zero}, "exactly one rule.*b, matched by 0"),
        ({"a.*": zero, "a|b": zero}, "exactly one rule.*a, matched by 2"),
        ({"a|b": zero, "c": zero}, "matches no variable: 'c'"),
    ],
)
def test_patterns_that_do_not_fit_the_names_are_errors(patterns, message):
    with pytest.raises(ValueError, match=message):
        layers_of(["a", "b"], 1, patterns)


def test_rules_are_numbers_that_json_knows(classifier):
    for rule in finetuning_rules(classifier()).values():
        assert all(type(value) is float for value in rule)
        assert np.isfinite(rule).all()
