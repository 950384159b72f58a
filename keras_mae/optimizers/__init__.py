"""Optimizers with the original's numerics."""

from .adamw import AdamW

__all__ = ["AdamW"]
