"""Learning rate and weight decay of each variable: the original's rules.

Tables go from a trainable variable's name, as the original's files spell it, to a
`VariableRule`. Every trainable variable stands in a table exactly once, and a pattern
that matches nothing is an error: a rule that is never applied is a rule misspelt.
"""

import re
from typing import NamedTuple

from ..layers import MapEncoder
from ..weights.rows import named_variables

# Pattern of names, and the layer they belong to: of the pattern's match and the depth.
LAYERS = {
    r"cls_token|pos_embed|patch_embed\..+": lambda match, depth: 0,
    r"blocks\.(\d+)\..+": lambda match, depth: int(match[1]) + 1,
    r"(?:fc_norm|norm|head)\..+": lambda match, depth: depth + 1,
}
UNDECAYED_IN_FINETUNING = ("pos_embed", "cls_token")
# The same of Keras' paths, where the encoder is convolutional.
CONVOLUTIONAL_LAYERS = {
    r"encoder/\w+_(\d+)/.+": lambda match, depth: int(match[1]) + 1,
    r"(?!encoder/).+": lambda match, depth: depth + 1,
}


class VariableRule(NamedTuple):
    """What an optimizer does with one variable.

    Attributes:
        learning_rate_scale: Float, a factor of the learning rate.
        weight_decay: Float.
    """

    learning_rate_scale: float
    weight_decay: float


def pretraining_rules(model, weight_decay=0.05):
    """Returns the table of pre-training: vectors are not decayed, tokens are.

    Args:
        model: A `MaskedAutoencoder`, another system, `ViTClassifier` or `ViTEncoder`.
            What it has as `learning_rate_scale` tells the scale of a variable.
        weight_decay: Float.

    Raises:
        ValueError: A trainable variable has no name in the original.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), table 8.
    """
    scale = getattr(model, "learning_rate_scale", lambda variable: 1.0)
    return {
        name: VariableRule(
            scale(variable), weight_decay if is_decayed(variable) else 0.0
        )
        for name, variable in _trainable(model).items()
    }


def finetuning_rules(model, weight_decay=0.05, layer_decay=0.75, undecayed=None):
    """Returns the table of fine-tuning: the lower a layer, the smaller its steps.

    Embeddings are layer 0, block i is layer i + 1, and what comes after the blocks is
    layer `depth + 1`; the learning rate of a layer is scaled by
    `layer_decay ** (depth + 1 - layer)`. Convolutions count as blocks.

    Args:
        model: A `ViTClassifier` or `ConvClassifier`.
        weight_decay: Float.
        layer_decay: Float in `(0, 1]`; 1 for one rate.
        undecayed: Names of variables that are not decayed, besides vectors; `None` for
            positions and class token, where there are any.

    Raises:
        ValueError: `layer_decay` is out of range; a name in `undecayed` or a pattern
            matches no variable; or a variable is matched by no pattern, or by two.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), table 9;
        [Clark et al., 2020](https://arxiv.org/abs/2003.10555), layer-wise decay.
    """
    if not 0 < layer_decay <= 1:
        raise ValueError(
            "`layer_decay` must lie in (0, 1]: lower layers take smaller steps. "
            f"Received: layer_decay={layer_decay}"
        )
    names, depth = list(named_variables(model)), model.encoder.depth
    patterns, tokens = LAYERS, UNDECAYED_IN_FINETUNING
    if isinstance(model.encoder, MapEncoder):
        patterns, tokens = CONVOLUTIONAL_LAYERS, ()
    undecayed = tokens if undecayed is None else undecayed
    _check_present(undecayed, names)
    layers = layers_of(names, depth, patterns)

    def rule(name, variable):
        decayed = is_decayed(variable) and name not in undecayed
        scale = layer_decay ** (depth + 1 - layers[name])
        return VariableRule(scale, weight_decay if decayed else 0.0)

    return {name: rule(name, variable) for name, variable in _trainable(model).items()}


def adamw_arguments(model, rules):
    """Returns the arguments with which `AdamW` follows a table.

    Args:
        model: The model that the table was made of.
        rules: Dictionary of names and `VariableRule`s.
    """
    paths = {name: variable.path for name, variable in named_variables(model).items()}
    return {
        "learning_rate_scales": {
            paths[name]: rule.learning_rate_scale for name, rule in rules.items()
        },
        "weight_decays": {
            paths[name]: rule.weight_decay for name, rule in rules.items()
        },
    }


def is_decayed(variable):
    """Returns whether a variable is decayed by its shape: biases and norms are not."""
    return len(variable.shape) > 1


def layers_of(names, depth, patterns=None):
    """Returns the layer of every name, `{name: layer}`.

    Args:
        names: Names by the original's spelling, of all variables of a model.
        depth: Integer. Blocks of the encoder.
        patterns: Dictionary of regular expressions and functions of (match, depth);
            `None` for the original's, `LAYERS`.

    Raises:
        ValueError: A pattern matches nothing, or a name is matched by none or by two.
    """
    patterns = LAYERS if patterns is None else patterns
    found = {
        name: [
            layer(match, depth)
            for pattern, layer in patterns.items()
            if (match := re.fullmatch(pattern, name))
        ]
        for name in names
    }
    for name, layers in found.items():
        if len(layers) != 1:
            raise ValueError(
                "Every variable must be matched by exactly one rule of the layers. "
                f"Received: {name}, matched by {len(layers)}"
            )
    _check_used(patterns, names)
    return {name: layers[0] for name, layers in found.items()}


def _trainable(model):
    """Returns the trainable variables by name, each once."""
    named = {
        name: variable
        for name, variable in named_variables(model).items()
        if variable.trainable
    }
    known = {id(variable) for variable in named.values()}
    others = [v.path for v in model.trainable_variables if id(v) not in known]
    if others:
        raise ValueError(
            "Rules are made of the original's names, and these trainable variables "
            f"have none: {', '.join(others)}"
        )
    return named


def _check_used(patterns, names):
    for pattern in patterns:
        if not any(re.fullmatch(pattern, name) for name in names):
            raise ValueError(
                f"A rule of the layers matches no variable: {pattern!r}. "
                f"The variables are {', '.join(names)}"
            )


def _check_present(undecayed, names):
    for name in undecayed:
        if name not in names:
            raise ValueError(
                f"`undecayed` names no variable: {name!r}. "
                f"The variables are {', '.join(names)}"
            )
