"""Weights in and out."""

from .load import encoder_of, inspect, load, load_encoder
from .report import Report
from .save import save

__all__ = ["Report", "encoder_of", "inspect", "load", "load_encoder", "save"]
