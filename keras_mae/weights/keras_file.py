""".keras files of large models, without a second copy of the weights in memory.

Keras zips and unzips weights in memory; here they go through a folder on disk.
"""

import tempfile
import zipfile
from pathlib import Path

import keras

_PARTS = {"metadata.json", "config.json", "model.weights.h5"}


def read_keras(path, compile=True):
    """Returns the model in a .keras file, as `keras.saving.load_model` does."""
    with tempfile.TemporaryDirectory() as folder:
        unpacked = _unpack(path, folder)
        return keras.saving.load_model(folder if unpacked else path, compile=compile)


def write_keras(model, path):
    """Writes a .keras file, as `model.save` does."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        keras.saving.save_model(model, folder, zipped=False)
        with zipfile.ZipFile(path, "w") as archive:
            for part in sorted(filter(Path.is_file, Path(folder).rglob("*"))):
                archive.write(part, part.relative_to(folder))


def _unpack(path, folder):
    """Unpacks a file as Keras writes it; others are left to Keras and its guards."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        is_plain = {entry.filename for entry in entries} == _PARTS
        stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
        if is_plain and stored and len(entries) == len(_PARTS):
            archive.extractall(folder)
            return True
    return False
