"""Arrays of images and labels in a NumPy file."""

import zipfile
from pathlib import Path

import numpy as np

from keras_mae.program import InputError

from .source import IndexedSource

# How a file may call a split, in order of preference.
SPLITS = {
    "train": ("train",),
    "test": ("test", "val", "validation"),
    "validation": ("validation", "val"),
}
# What Keras' and MedMNIST's files call the images and labels of a split; of all.
NAMES = (("x_{}", "y_{}"), ("{}_images", "{}_labels"))
WHOLE = (("images", "labels"), ("x", "y"))
TEST_SHARE = 0.2


def open_npz(file, split, seed=0):
    """Returns the images of a split of a `.npz` file.

    Names of arrays: `x_train`, `y_train`, `x_test`, `y_test`, or `train_images`,
    `train_labels`, ... ("test" means `val` or `validation` where there is no test
    split); or `images` and `labels`, or `x` and `y`, of which a fifth is "test".
    Without labels, these are all "train".

    Images: `(n, height, width)` or `(n, height, width, channels)`, integers in
    [0, 255], or floats in [0, 1] or [0, 255]. Labels: integers `(n,)` or `(n, 1)`.

    Args:
        file: String or path.
        split: `"train"`, `"test"` or `"validation"`.
        seed: Integer. Another seed holds out another fifth.

    Raises:
        InputError: No such file or split, or arrays of another kind.
    """
    path = Path(file).expanduser()
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} must be a file that np.savez wrote, and is none")
    with np.load(path) as arrays:
        image_name, label_name = _find(file, arrays.files, split)
        images = _as_pixels(image_name, _read(arrays, image_name))
        labels = np.full(len(images), -1)
        if label_name in arrays.files:
            labels = _as_labels(label_name, _read(arrays, label_name), len(images))
    class_names = _class_names(labels)
    if image_name in dict(WHOLE):
        rows = _rows(file, split, class_names, len(images), seed)
        images, labels = images[rows], labels[rows]
    return IndexedSource(f"npz:{file} ({split})", images, labels, class_names)


def _find(file, names, split):
    """Returns the names of the images and the labels of a split."""
    splits = [
        (images.format(name), labels.format(name))
        for name in SPLITS[split]
        for images, labels in NAMES
    ]
    found = [pair for pair in [*splits, *WHOLE] if pair[0] in names]
    if not found:
        raise InputError(
            f"npz:{file} has no {' or '.join(pair[0] for pair in splits[:2])}, nor "
            f"images; its arrays are {', '.join(names)}"
        )
    return found[0]


def _read(arrays, name):
    try:
        return arrays[name]
    except ValueError as error:  # a pickle can run any code, so none is opened
        raise InputError(
            f"{name} holds Python objects, which are not opened; expected numbers, all "
            "images of one size: np.savez(..., images=np.stack(images))"
        ) from error


def _as_pixels(name, images):
    """Returns `(n, height, width, channels)` in [0, 255], uint8 or float32."""
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise InputError(
            f"{name} must be images (n, height, width) or (n, height, width, "
            f"channels); received the shape {images.shape}"
        )
    if images.dtype.kind not in "iuf":
        raise InputError(f"{name} must be integers or floats; received {images.dtype}")
    low, high = float(images.min()), float(images.max())
    if not 0 <= low <= high <= 255:  # nor with NaN
        raise InputError(
            f"{name} must lie in [0, 255], floats in [0, 1] or [0, 255]; received "
            f"values from {low:g} to {high:g}"
        )
    images = images if images.ndim == 4 else images[..., None]
    if images.dtype.kind != "f":
        return images.astype("uint8", copy=False)
    return images.astype("float32") * (255 if high <= 1 else 1)


def _as_labels(name, labels, count):
    """Returns integers `(n,)`."""
    if labels.dtype.kind not in "iu" or labels.shape not in ((count,), (count, 1)):
        raise InputError(
            f"{name} must be {count} integers, one an image; received {labels.dtype} "
            f"of the shape {labels.shape}"
        )
    return labels.reshape(count).astype("int64")


def _class_names(labels):
    """Returns the classes' numbers as their names, `None` if some have no label."""
    return (
        [str(label) for label in range(max(labels) + 1)] if min(labels) >= 0 else None
    )


def _rows(file, split, class_names, count, seed):
    """Returns which images of a file without splits belong to one."""
    if class_names is None and split == "train":
        return np.arange(count)
    if class_names is None or split == "validation":
        raise InputError(
            f"npz:{file} has no split {split!r}; expected x_{split} or {split}_images"
        )
    order = np.random.default_rng(seed).permutation(count)
    num_test = int(count * TEST_SHARE + 0.5)
    return np.sort(order[:num_test] if split == "test" else order[num_test:])
