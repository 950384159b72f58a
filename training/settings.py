"""What is wrong with a run's settings is said before anything is built."""

from keras_mae.models.compute import COMPILED, MODES
from keras_mae.program import InputError, unknown

from .schedules import check_warmup

PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")
COUNTS = (
    "epochs",
    "batch_size",
    "steps_per_epoch",
    "steps_per_execution",
    "accumulation_steps",
    "skip_limit",
    "streams",
    "patch_size",
    "num_channels",
    "embed_dim",
    "depth",
    "num_heads",
)
LARGEST_SEED = 2**32 - 1  # NumPy's


def check_settings(config, strategy, counts=()):
    """Checks what a `RunConfig` can get wrong by itself.

    Args:
        config: A `RunConfig`.
        strategy: Name of the strategy, see `strategy_scope`.
        counts: Names of settings that must be at least 1, besides `COUNTS`.

    Raises:
        InputError: A setting that cannot be used.
    """
    if config.precision not in PRECISIONS:
        raise unknown("precision", config.precision, PRECISIONS)
    if config.compute not in MODES:
        raise unknown("compute", config.compute, MODES)
    if config.compute in COMPILED and strategy in ("mirrored", "multi_worker"):
        raise InputError(
            f"compute={config.compute} does not work under --strategy {strategy}: "
            "TensorFlow cannot compile over several replicas; add --set compute=auto"
        )
    check_counts(config, (*COUNTS, *counts))
    check_seed(config)
    check_warmup(config)
    if config.clip_norm is not None and config.clip_norm <= 0:
        raise InputError(
            f"clip_norm must be above 0, or none; received {config.clip_norm}"
        )
    if config.batch_size % config.accumulation_steps:
        raise InputError(
            f"accumulation_steps must divide batch_size, {config.batch_size}; "
            f"received {config.accumulation_steps}"
        )


def check_counts(config, names):
    """Checks that settings are at least 1, where they are not `None`.

    Raises:
        InputError: One is not.
    """
    for name in names:
        value = getattr(config, name)
        if value is not None and value < 1:
            raise InputError(f"{name} must be at least 1; received {value}")


def check_seed(config):
    """Raises an `InputError` where NumPy and Keras do not take the seed."""
    if not 0 <= config.seed <= LARGEST_SEED:
        raise InputError(f"seed must be 0 to {LARGEST_SEED}; received {config.seed}")


def check_execution(config, steps):
    """Checks that `steps_per_execution` divides the `steps` of an epoch.

    Raises:
        InputError: It does not.
    """
    count = config.steps_per_execution
    if steps % count:
        fitting = [n for n in range(1, steps + 1) if steps % n == 0 and n <= 2 * count]
        raise InputError(
            f"steps_per_execution must divide the {steps} steps of an epoch; "
            f"received {count}, try {fitting[-1]}"
        )
