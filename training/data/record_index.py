"""How many records each TFRecord file holds, written beside the files."""

import json
import os
from pathlib import Path

import tensorflow as tf

from keras_mae.atomic import new_file

SUFFIX = ".index.json"


def index_path(folder, split):
    """Returns where the index of a split lies, beside its files."""
    return Path(folder) / f"{split}{SUFFIX}"


def write_index(folder, split, lengths, class_names, skipped):
    """Writes `SPLIT.index.json`, complete or not at all.

    Args:
        folder: Path of the files.
        split: String.
        lengths: Dictionary from the files' names to their numbers of records.
        class_names: List of strings, or `None` without labels.
        skipped: List of strings, unreadable images that were left out.
    """
    files = {
        name: {"records": length, "bytes": (Path(folder) / name).stat().st_size}
        for name, length in lengths.items()
    }
    index = {"class_names": class_names, "files": files, "skipped": skipped}
    with new_file(index_path(folder, split), overwrite=True) as path:
        path.write_text(json.dumps(index, indent=1) + "\n")


def read_index(paths):
    """Returns what indices say of files, or `None` where they do not know them all.

    Args:
        paths: List of strings, files in one folder, local or not.

    Returns:
        `lengths`, integers, one a file; `class_names`, a list or `None`. A file whose
        size is another than the index says is unknown.
    """
    known, class_names = {}, None
    names = [os.path.basename(path) for path in paths]
    pattern = os.path.join(os.path.dirname(paths[0]), f"*{SUFFIX}")
    for path in tf.io.gfile.glob(pattern):
        with tf.io.gfile.GFile(path) as file:
            index = json.load(file)
        if not index["files"].keys().isdisjoint(names):
            known.update(index["files"])
            class_names = index["class_names"]
    entries = [known.get(name, {"bytes": None}) for name in names]
    if [entry["bytes"] for entry in entries] != list(map(file_size, paths)):
        return None
    return [entry["records"] for entry in entries], class_names


def file_size(path):
    """Returns the bytes of a file, local or not."""
    return tf.io.gfile.stat(path).length
