"""The figures of a run as a table: one line an epoch, whatever happens to the run."""

import csv
import io
from pathlib import Path

import keras

from .workdir import write_atomically


class EpochTable(keras.callbacks.Callback):
    """Writes an epoch's logs as a line of a CSV file.

    Keras' `CSVLogger` leaves an epoch twice where a run was killed and went on. Place
    it after the callbacks that add to the logs.

    Args:
        path: Path of the file. Its columns are `epoch`, counted from 1, and the names
            of the logs; a field is empty where an epoch has no such figure.
    """

    def __init__(self, path):
        super().__init__()
        self.path = Path(path)

    def on_epoch_end(self, epoch, logs=None):
        rows = [row for row in self._read() if int(row["epoch"]) <= epoch]
        figures = {name: float(value) for name, value in logs.items()}
        rows.append({"epoch": epoch + 1, **figures})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path, _as_csv(rows))

    def _read(self):
        if not self.path.exists():
            return []
        with self.path.open(newline="") as file:
            return list(csv.DictReader(file))


def _as_csv(rows):
    stream = io.StringIO()
    columns = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
