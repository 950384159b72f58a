"""A folder of JPEG, PNG and BMP files, with a sub-folder per class or without."""

import os
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_mae.program import InputError

from .folder_splits import choose_split
from .readable import keep_readable
from .source import IndexedSource

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp")


def open_folder(directory, split, seed=0, memory_limit=2 << 30, check=True):
    """Returns the images below a folder that belong to a split.

    - With sub-folders `train/` and `test/` or `val/`, these are the splits, and
      "test" means `val/` where `test/` is missing or has no labels.
    - In `train/`, or in the folder itself where there are no splits, two or
      more sub-folders with no image beside them are classes.
    - Where there are classes but neither `test/` nor `val/`, a fifth of every
      class is held out: it is "test", chosen by a hash of the file names, and
      never in "train".
    - Images without classes are all "train".

    Files whose name begins with a dot are ignored, and unreadable ones are
    skipped and reported. Files stay in memory where all of the split's fit into
    the limit; otherwise they are read again every epoch.

    Args:
        directory: String or path.
        split: `"train"`, `"test"` or `"validation"`.
        seed: Integer. Another seed holds out other images.
        memory_limit: Integer. Bytes.
        check: Boolean. Whether files are read first and broken ones skipped.

    Raises:
        InputError: No such folder, no readable image, or no such split.
    """
    root = Path(directory).expanduser()
    paths, labels, class_names = choose_split(_list_images(root), split, seed)
    files = [os.fsencode(root / path) for path in paths]
    name, names = f"folder:{directory} ({split})", [str(path) for path in paths]
    if not check:
        return IndexedSource(
            name, files, labels, class_names, are_paths=True, names=names
        )
    fits = sum(map(_num_bytes, files)) <= memory_limit
    indices, labels, images, skipped = keep_readable(
        _file_examples(files, labels),
        names,
        load=tf.io.read_file,
        keep_images=fits,
    )
    return IndexedSource(
        name,
        images if fits else [files[i] for i in indices],
        labels,
        class_names,
        skipped,
        are_paths=not fits,
        names=[names[i] for i in indices],
    )


def _list_images(root):
    """Returns the sorted paths, relative to `root`, of all files named as images."""
    if not root.is_dir():
        raise InputError(f"no such folder: {root}; expected a folder of images")
    paths, seen = [], set()
    for folder, folders, files in os.walk(root, followlinks=True):
        if os.path.realpath(folder) in seen:  # a link that leads in a circle
            folders.clear()
            continue
        seen.add(os.path.realpath(folder))
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(folder).relative_to(root)
        paths += [below / name for name in files if _is_image_name(name)]
    if not paths:
        raise InputError(
            f"no images below {root}; expected files named {', '.join(EXTENSIONS)}"
        )
    return sorted(paths)


def _is_image_name(name):
    return name.lower().endswith(EXTENSIONS) and not name.startswith(".")


def _num_bytes(file):
    try:
        return os.path.getsize(file)
    except OSError:  # a dangling link, skipped later
        return 0


def _file_examples(files, labels):
    examples = {
        "index": np.arange(len(files)),
        "image": files,
        "label": np.array(labels, "int64"),
    }
    return tf.data.Dataset.from_tensor_slices(examples)
