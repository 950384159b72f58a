"""Optimizers with the original's numerics, and its rules for each variable."""

from .adamw import AdamW
from .lars import LARS
from .rules import (
    VariableRule,
    adamw_arguments,
    finetuning_rules,
    pretraining_rules,
)

__all__ = [
    "LARS",
    "AdamW",
    "VariableRule",
    "adamw_arguments",
    "finetuning_rules",
    "pretraining_rules",
]
