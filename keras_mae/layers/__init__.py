"""Keras layers of masked autoencoders: patchify, mask, encode, decode."""

from .alexnet_encoder import AlexNetEncoder
from .attention import SelfAttention
from .bottleneck_encoder import BottleneckEncoder
from .channelwise_dense import ChannelwiseDense
from .compiled import LayerNorm, compiled_chains, gelu
from .context_decoder import ContextDecoder
from .context_samplers import CentreSampler, RegionSampler, SquaresSampler
from .corruption import PatchCorruption
from .dense import Dense2D
from .full_sequence_decoder import FullSequenceDecoder
from .inpainting import Discriminator, InpaintingDecoder
from .mae_decoder import MAEDecoder
from .map_encoder import MapEncoder
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
from .products import bfloat16_pays
from .remat import rematerialised_blocks
from .stochastic_depth import StochasticDepth
from .transformer import MLP, TransformerBlock
from .vit_encoder import ViTEncoder, pool

__all__ = [
    "MLP",
    "AlexNetEncoder",
    "BlockSampler",
    "BottleneckEncoder",
    "CentreSampler",
    "ChannelwiseDense",
    "ContextDecoder",
    "Dense2D",
    "Discriminator",
    "FullSequenceDecoder",
    "GridSampler",
    "HalfSampler",
    "InpaintingDecoder",
    "LayerNorm",
    "MAEDecoder",
    "MapEncoder",
    "MaskSampler",
    "PatchCorruption",
    "PatchEmbed",
    "Patchify",
    "PositionEmbedding",
    "RandomMasking",
    "RandomSampler",
    "RectangleSampler",
    "RegionSampler",
    "SelfAttention",
    "SquaresSampler",
    "StochasticDepth",
    "TransformerBlock",
    "UnitSampler",
    "Unpatchify",
    "ViTEncoder",
    "bfloat16_pays",
    "compiled_chains",
    "gelu",
    "get_sampler",
    "pool",
    "rematerialised_blocks",
    "sincos_positions",
]
