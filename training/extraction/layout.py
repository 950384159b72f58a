"""How the examples of a data set are dealt into files, whoever writes them."""

import dataclasses
from pathlib import Path

from keras_mae.program import InputError, unknown

from .feature_files import WRITERS


@dataclasses.dataclass(frozen=True)
class Layout:
    """Files of so many examples each, `part-NNNNN-of-NNNNN.FORMAT`.

    Args:
        format: `"parquet"` or `"npz"`.
        rows_per_file: Integer. Examples of a file, but of the last one.

    Raises:
        InputError: Another format, or no rows.
    """

    format: str = "parquet"
    rows_per_file: int = 4096

    def __post_init__(self):
        if self.format not in WRITERS:
            raise unknown("format", self.format, WRITERS)
        if self.rows_per_file < 1:
            raise InputError(
                f"--rows_per_file is 1 or more. Received: {self.rows_per_file}"
            )

    def paths(self, output, num_examples):
        """Returns the paths of all files."""
        count = -(-num_examples // self.rows_per_file)
        names = [f"part-{i:05}-of-{count:05}.{self.format}" for i in range(count)]
        return [Path(output) / name for name in names]

    def examples(self, number, num_examples):
        """Returns the range of the examples of a file."""
        start = number * self.rows_per_file
        return range(start, min(start + self.rows_per_file, num_examples))


def share(count, shard):
    """Returns the range of the files that are one worker's, of so many in all.

    They are neighbours: a worker reads no more than its part of the data.

    Args:
        count: Integer.
        shard: Which of how many workers.

    Raises:
        InputError: There is no such worker.
    """
    index, workers = shard
    if not 0 <= index < workers:
        raise InputError(
            f"--shard is I/N, with I from 0 to N - 1. Received: {index}/{workers}"
        )
    return range(index * count // workers, (index + 1) * count // workers)
