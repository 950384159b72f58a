"""What a run is made of: one frozen dataclass a program, saved with every run."""

import dataclasses

import numpy as np

from keras_mae.program import InputError


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """What all runs that train a Vision Transformer have in common."""

    # Architecture, see `keras_mae.list_presets()`.
    preset: str = "mae_vit_base_patch16"
    # Height and width in pixels, or one number for both; multiples of the patch size.
    image_size: tuple[int, ...] | None = None
    # Side of a patch in pixels.
    patch_size: int | None = None
    # Channels of the images: 1, 3 or 4 for files.
    num_channels: int | None = None
    # Width of the encoder's tokens.
    embed_dim: int | None = None
    # Blocks of the encoder.
    depth: int | None = None
    # Attention heads of the encoder.
    num_heads: int | None = None
    # Mean of the pixels in [0, 1], one number or one a channel.
    mean: tuple[float, ...] | None = None
    # Standard deviation of the pixels, likewise.
    std: tuple[float, ...] | None = None

    # Steps of an epoch; None for one pass over the data.
    steps_per_epoch: int | None = None
    # Whether pictures are mirrored at random.
    flip: bool = True
    # Seed of weights, of the data's order and of all that is random in training.
    seed: int = 0
    # auto, float32, mixed_bfloat16 or mixed_float16; auto is float32 on a CPU,
    # mixed_bfloat16 on TPUs and on GPUs that multiply it.
    precision: str = "auto"
    # auto, graph, hybrid or xla: hybrid compiles elementwise chains, xla the whole
    # step; auto is hybrid on a CPU, xla on a GPU, graph on several.
    compute: str = "auto"
    # Parts of a batch computed side by side on a CPU; None for 2 where that is faster.
    streams: int | None = None
    # Steps between two returns to Python; must divide the steps of an epoch.
    steps_per_execution: int = 1
    # Parts in which a batch is computed, one by one, to need less memory.
    accumulation_steps: int = 1
    # Whether Transformer blocks are computed once more for their gradients, to need
    # less memory.
    remat: bool = False
    # Largest norm of the whole gradient, longer ones are scaled down; None for any.
    clip_norm: float | None = None
    # Steps in a row that may be left out, not being finite, before the run goes back.
    skip_limit: int = 20

    def __post_init__(self):
        if self.image_size is not None:
            sides = np.ravel(self.image_size).tolist()
            if len(sides) > 2:
                raise InputError(
                    "image_size must be height and width, or one number for both; "
                    f"received {','.join(map(str, sides))}"
                )
            object.__setattr__(self, "image_size", (sides[0], sides[-1]))


# What `--tiny` changes in programs that train: they end in under a minute on a CPU.
TINY = {
    "embed_dim": 32,
    "depth": 2,
    "num_heads": 2,
    "epochs": 2,
    "warmup_epochs": 1,
    "batch_size": 8,
    "steps_per_epoch": 4,
}


@dataclasses.dataclass(frozen=True)
class PretrainConfig(RunConfig):
    """Every number of a pre-training run.

    `None` leaves a choice to the system and the preset. Learning rate:
    `base_learning_rate * batch_size / 256` (He et al., 2022, A.1).
    """

    # What is trained: mae, mask_token, simmim, bert, context_encoder or
    # context_encoder_inpainter.
    system: str = "mae"
    # Width of the decoder's tokens.
    decoder_embed_dim: int | None = None
    # Blocks of the decoder.
    decoder_depth: int | None = None
    # Attention heads of the decoder.
    decoder_num_heads: int | None = None
    # Fraction of patches to hide, in [0, 1).
    mask_ratio: float | None = None
    # Which patches: random, block, grid, rectangle, half; centre, squares or region.
    mask_sampler: str | None = None
    # Patches on the side of the squares that are hidden as one; simmim's is 2.
    mask_unit: int | None = None
    # Whether each target patch is normalised by its own mean and deviation.
    norm_pix_loss: bool | None = None
    # Of mask_token, simmim, bert: decoder or linear.
    prediction_head: str | None = None
    # Of mask_token, simmim, bert: l2 or l1.
    pixel_loss: str | None = None
    # Of mask_token, simmim, bert: shares of mask token, other patch, patch as it is.
    corruption: tuple[float, ...] | None = None
    # Share of the shorter side that evaluation keeps.
    crop_ratio: float = 0.875

    # Passes over the data.
    epochs: int = 400
    # Passes in which the learning rate rises linearly from 0.
    warmup_epochs: float = 40
    # Images of one step, over all replicas.
    batch_size: int = 4096
    # Learning rate for a batch of 256.
    base_learning_rate: float = 1.5e-4
    # Decay of matrices and tokens; vectors are never decayed.
    weight_decay: float = 0.05
    # AdamW's first beta.
    beta_1: float = 0.9
    # AdamW's second beta.
    beta_2: float = 0.95

    # Smallest and largest area of the random crop, as shares of the picture.
    crop_scale: tuple[float, float] = (0.2, 1.0)
    # Epochs between two reconstruction pictures in TensorBoard.
    picture_every: int = 10
    # Epochs between two judgements of the features, for data with labels; None for no.
    probe_every: int | None = None
    # Who judges: knn, linear_probe, few_shot.
    probes: tuple[str, ...] = ("knn",)
    # Images of each split to judge by, spread over it; None for all.
    probe_images: int | None = None
    # What is judged: gap (mean of the patches) or token (class token).
    probe_pooling: str = "gap"

    PROGRAM = "pretrain"
    TINY = {
        **TINY,
        "decoder_embed_dim": 16,
        "decoder_depth": 1,
        "decoder_num_heads": 2,
        "picture_every": 1,
    }
