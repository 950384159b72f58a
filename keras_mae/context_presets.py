"""Named architectures of the Context Encoder: the paper's, and small ones."""

from .presets import Preset
from .program import unknown

CONTEXT_ENCODERS = {
    "context_encoder_micro": Preset(
        "28 px grey digits, trains on a CPU in minutes",
        246_881,
        {
            "image_size": 28,
            "num_channels": 1,
            "filters": (32, 64, 64),
            "kernel_sizes": (3, 3, 3),
            "strides": (1, 1, 1),
            "pooled": (True, True, False),
            "pool_size": 2,
            "decoder_filters": (32,),
        },
    ),
    "context_encoder_small": Preset(
        "32 px colour images",
        1_860_755,
        {
            "image_size": 32,
            "filters": (64, 128, 256, 256, 192),
            "kernel_sizes": (3, 3, 3, 3, 3),
            "strides": (1, 1, 1, 1, 1),
            "pooled": (True, True, False, False, True),
            "pool_size": 2,
            "decoder_filters": (96, 48),
        },
    ),
    "context_encoder_alexnet": Preset(
        "the paper's feature learner, 227 px", 4_602_627, {}
    ),
}

CONTEXT_INPAINTERS = {
    "context_inpainter_micro": Preset(
        "28 px grey digits, trains on a CPU in minutes",
        841_792,
        {
            "image_size": 28,
            "num_channels": 1,
            "filters": (32, 64),
            "bottleneck": 128,
            "overlap": 2,
        },
    ),
    "context_inpainter_small": Preset(
        "32 px colour images",
        5_920_768,
        {
            "image_size": 32,
            "filters": (64, 128, 256),
            "bottleneck": 512,
            "overlap": 2,
        },
    ),
    "context_inpainter_paper": Preset("the paper's inpainter, 128 px", 73_890_112, {}),
}


def context_arguments(name, presets, overrides):
    """Returns the constructor arguments of a preset's model, `overrides` last.

    Args:
        name: Name of a preset.
        presets: The table that it stands in.
        overrides: Dictionary of constructor arguments.

    Raises:
        ValueError: The name is unknown; the error names the near ones.
    """
    if name not in presets:
        raise unknown("preset", name, presets)
    return presets[name].config | overrides
