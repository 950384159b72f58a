"""Named architectures: the paper's, two smaller ones, and a micro one for digits."""

import dataclasses

from .program import unknown
from .published import presets_with

# Every model of the paper has this decoder (He et al., 2022, section 4.1 and A.1).
PAPER_DECODER = {
    "decoder_embed_dim": 512,
    "decoder_depth": 8,
    "decoder_num_heads": 16,
}


@dataclasses.dataclass(frozen=True)
class Preset:
    """A named architecture.

    Attributes:
        description: One line.
        parameters: Integer. Trainable parameters of encoder and decoder.
        config: Dictionary of arguments of `MaskedAutoencoder`.
    """

    description: str
    parameters: int
    config: dict


def _vit(embed_dim, depth, num_heads, patch_size=16, **config):
    return {
        "image_size": 224,
        "patch_size": patch_size,
        "embed_dim": embed_dim,
        "depth": depth,
        "num_heads": num_heads,
        **PAPER_DECODER,
        **config,
    }


PRESETS = {
    "mae_vit_micro_patch4": Preset(
        "28 px grey digits, trains on a CPU in minutes",
        556_688,
        _vit(
            96,
            4,
            4,
            4,
            image_size=28,
            num_channels=1,
            decoder_embed_dim=64,
            decoder_depth=2,
            decoder_num_heads=4,
            mask_ratio=0.6,
        ),
    ),
    "mae_vit_tiny_patch16": Preset(
        "ViT-Ti/16 of DeiT, with the paper's decoder", 31_200_000, _vit(192, 12, 3)
    ),
    "mae_vit_small_patch16": Preset(
        "ViT-S/16 of DeiT, with the paper's decoder", 47_401_728, _vit(384, 12, 6)
    ),
    "mae_vit_base_patch16": Preset(
        "ViT-B/16 of the paper", 111_655_680, _vit(768, 12, 12)
    ),
    "mae_vit_large_patch16": Preset(
        "ViT-L/16 of the paper", 329_239_296, _vit(1024, 24, 16)
    ),
    "mae_vit_huge_patch14": Preset(
        "ViT-H/14 of the paper", 656_613_964, _vit(1280, 32, 16, 14)
    ),
}


def list_presets(weights=None):
    """Returns the names of the presets, from small to large.

    Args:
        weights: Optional name of weights that others published, `"facebook"` or
            `"huggingface"` (see `MaskedAutoencoder.from_preset`): only the presets
            that have them.
    """
    if weights is None:
        return list(PRESETS)
    return [name for name in PRESETS if name in presets_with(weights)]


def get_preset(name):
    """Returns the `Preset` of that name.

    Raises:
        ValueError: The name is unknown; the error names the near ones.
    """
    if name not in PRESETS:
        raise unknown("preset", name, PRESETS)
    return PRESETS[name]
