"""Weights in and out."""

from .load import encoder_of, inspect, load, load_encoder
from .report import Report

__all__ = ["Report", "encoder_of", "inspect", "load", "load_encoder"]
