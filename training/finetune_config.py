"""What a fine-tuning run is made of: one frozen dataclass, saved with every run."""

import dataclasses

from .config import TINY, RunConfig


@dataclasses.dataclass(frozen=True)
class FinetuneConfig(RunConfig):
    """Every number of a fine-tuning run, or of supervised training from scratch.

    The defaults are the released code's for ViT-B. Learning rate:
    `base_learning_rate * batch_size / 256` (He et al., 2022, A.1). With a pre-trained
    model the architecture is the file's; `None` leaves a choice to it or to the preset.
    """

    # Architecture from scratch, see `keras_mae.list_presets()`; None with --model.
    preset: str | None = "mae_vit_base_patch16"
    # Share of the shorter side that evaluation keeps; None for the model's, and for
    # all of it where `image_size` is set above 224 (timm's rule).
    crop_ratio: float | None = None
    # gap (mean of the patches) or token (class token).
    pooling: str = "gap"
    # Blocks that are trained, from the last: 0, 0.5 (its MLP), 1, ... or all.
    trainable_blocks: str = "all"

    # Passes over the data.
    epochs: int = 100
    # Passes in which the learning rate rises linearly from 0.
    warmup_epochs: float = 5
    # Images of one step, over all replicas.
    batch_size: int = 1024
    # Learning rate for a batch of 256.
    base_learning_rate: float = 5e-4
    # Learning rate of the last step.
    min_learning_rate: float = 1e-6
    # Factor of the learning rate from one block to the one below it; 1 for one rate.
    layer_decay: float = 0.65
    # Decay of matrices; never of vectors, positions and class token.
    weight_decay: float = 0.05
    # AdamW's second beta.
    beta_2: float = 0.999
    # Momentum of the weights' moving average, which is what is judged; None for none.
    ema: float | None = None
    # Probability of dropping the last block's branches; less in those below it.
    drop_path_rate: float = 0.1

    # Smallest and largest area of the random crop, as shares of the picture.
    crop_scale: tuple[float, float] = (0.08, 1.0)
    # RandAugment: strength of 0 to 10; 0 for none.
    magnitude: float = 9.0
    # Standard deviation of the strength.
    magnitude_std: float = 0.5
    # Operations on each picture; each is left out half of the time.
    num_ops: int = 2
    # Probability of erasing a rectangle with noise.
    erasing: float = 0.25
    # Label smoothing.
    label_smoothing: float = 0.1
    # Alpha of mixup's Beta distribution; 0 for none.
    mixup: float = 0.8
    # Alpha of cutmix's Beta distribution; 0 for none.
    cutmix: float = 1.0
    # Probability that a batch is mixed at all.
    mix_probability: float = 1.0
    # Probability of cutmix where mixup is possible too.
    cutmix_probability: float = 0.5

    # Epochs between two evaluations on the held-out split.
    evaluate_every: int = 1
    # Images of the held-out split, evenly spread over it; None for all.
    max_test_images: int | None = None

    PROGRAM = "finetune"
    TINY = {**TINY, "batch_size": 4, "steps_per_epoch": 2, "max_test_images": 16}

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "trainable_blocks", str(self.trainable_blocks))
