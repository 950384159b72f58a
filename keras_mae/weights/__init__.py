"""Weights in and out."""

from .load import load

__all__ = ["load"]
