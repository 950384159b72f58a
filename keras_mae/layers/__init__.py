"""Keras layers of masked autoencoders: patchify, mask, encode, decode."""

from .dense import Dense2D
from .mae_decoder import MAEDecoder
from .mask_samplers import (
    BlockSampler,
    GridSampler,
    HalfSampler,
    MaskSampler,
    RandomSampler,
    RectangleSampler,
    get_sampler,
)
from .masking import RandomMasking
from .patches import PatchEmbed, Patchify, Unpatchify
from .position_embedding import PositionEmbedding, sincos_positions
from .stochastic_depth import StochasticDepth
from .transformer import MLP, SelfAttention, TransformerBlock, gelu
from .vit_encoder import ViTEncoder, pool

__all__ = [
    "MLP",
    "BlockSampler",
    "Dense2D",
    "GridSampler",
    "HalfSampler",
    "MAEDecoder",
    "MaskSampler",
    "PatchEmbed",
    "Patchify",
    "PositionEmbedding",
    "RandomMasking",
    "RandomSampler",
    "RectangleSampler",
    "SelfAttention",
    "StochasticDepth",
    "TransformerBlock",
    "Unpatchify",
    "ViTEncoder",
    "gelu",
    "get_sampler",
    "pool",
    "sincos_positions",
]
