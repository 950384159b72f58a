"""What a split's TFRecord files hold, written beside them: `SPLIT.index.json`.

{"made_from": {...}, "class_names": ["cat", "dog"],
 "files": {"train-00000-of-00002.tfrecord":
               {"records": 998, "bytes": 110274112, "skipped": ["cat/9.jpg", ...]}}}
"""

import json
import os
from pathlib import Path

import tensorflow as tf

from keras_mae.atomic import new_file

SUFFIX = ".index.json"


def index_path(folder, split):
    """Returns where the index of a split lies, beside its files."""
    return Path(folder) / f"{split}{SUFFIX}"


def write_index(path, index):
    """Writes an index, a dictionary as above, complete or not at all."""
    with new_file(path, overwrite=True) as partial:
        partial.write_text(json.dumps(index, indent=1) + "\n")


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
