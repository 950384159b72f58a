"""Keras layers of masked autoencoders: patchify, mask, encode, decode."""

from .attention import SelfAttention
from .compiled import LayerNorm, compiled_chains, gelu
from .corruption import PatchCorruption
from .dense import Dense2D
from .full_sequence_decoder import FullSequenceDecoder
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
from .mask_units import UnitSampler
from .masking import RandomMasking
from .patches import PatchEmbed, Patchify, Unpatchify
from .position_embedding import PositionEmbedding, sincos_positions
from .stochastic_depth import StochasticDepth
from .transformer import MLP, TransformerBlock
from .vit_encoder import ViTEncoder, pool

__all__ = [
    "MLP",
    "BlockSampler",
    "Dense2D",
    "FullSequenceDecoder",
    "GridSampler",
    "HalfSampler",
    "LayerNorm",
    "MAEDecoder",
    "MaskSampler",
    "PatchCorruption",
    "PatchEmbed",
    "Patchify",
    "PositionEmbedding",
    "RandomMasking",
    "RandomSampler",
    "RectangleSampler",
    "SelfAttention",
    "StochasticDepth",
    "TransformerBlock",
    "UnitSampler",
    "Unpatchify",
    "ViTEncoder",
    "compiled_chains",
    "gelu",
    "get_sampler",
    "pool",
    "sincos_positions",
]
