"""What a linear probe as published is made of: one frozen dataclass."""

import dataclasses

from keras_mae.layers.vit_encoder import check_pooling

from .schedules import check_warmup
from .settings import check_counts, check_seed

COUNTS = (
    "epochs",
    "batch_size",
    "steps_per_epoch",
    "max_test_images",
    "encode_batch_size",
)


@dataclasses.dataclass(frozen=True)
class PublishedProbeConfig:
    """Every number of a linear probe as published; the defaults are the paper's.

    Learning rate: `base_learning_rate * batch_size / 256`. No weight decay.
    """

    # token (class token) or gap (mean of the patches).
    pooling: str = "token"
    # Passes over the data.
    epochs: int = 90
    # Passes in which the learning rate rises linearly from 0.
    warmup_epochs: float = 10
    # Images of one step.
    batch_size: int = 16384
    # Learning rate for a batch of 256.
    base_learning_rate: float = 0.1
    # Smallest and largest area of the random crop, as shares of the picture.
    crop_scale: tuple[float, float] = (0.08, 1.0)
    # Whether pictures are mirrored at random.
    flip: bool = True
    # Steps of an epoch; None for one pass over the data.
    steps_per_epoch: int | None = None
    # Images of the held-out split, spread over it; None for all.
    max_test_images: int | None = None
    # Images encoded at once, over all replicas.
    encode_batch_size: int = 256
    # Seed of the probe's weights, of the data's order, crops and flips.
    seed: int = 0

    PROGRAM = "linear_probe"
    TINY = {
        "epochs": 2,
        "warmup_epochs": 1,
        "batch_size": 8,
        "steps_per_epoch": 4,
        "max_test_images": 64,
    }

    def check(self):
        """Raises an `InputError` for a setting that cannot be used."""
        check_pooling(self.pooling)
        check_counts(self, COUNTS)
        check_warmup(self)
        check_seed(self)
