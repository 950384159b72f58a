"""Which files of a folder belong to which split and which class."""

import hashlib
import os

from keras_mae.program import InputError

SPLIT_FOLDERS = {
    "train": "train",
    "test": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
}
TEST_SHARE = 0.2


def choose_split(paths, split, seed=0):
    """Returns the files of a split with their labels.

    The rules stand in the docstring of `open_folder`.

    Args:
        paths: List of `pathlib.Path`, relative to the folder.
        split: `"train"`, `"test"` or `"validation"`.
        seed: Integer. Another seed holds out other images.

    Returns:
        `chosen`, sorted paths; `labels`, a list of integers, -1 without
        labels; `class_names`, a sorted list, or `None` without labels.

    Raises:
        InputError: There is no such split.
    """
    groups, depth = _split_folders(paths)
    class_names = _class_names(groups.values(), depth)
    if class_names and set(groups) == {"train"}:
        groups = _hold_out(groups["train"], depth, seed)
    chosen = sorted(_pick(groups, split, depth))
    classes = [_class_of(path, depth) for path in chosen]
    if class_names is None or None in classes:
        return chosen, [-1] * len(chosen), None
    number = {name: label for label, name in enumerate(class_names)}
    return chosen, [number[name] for name in classes], class_names


def _split_folders(paths):
    """Returns a dict of the splits' paths, and how deep class folders lie."""
    groups = {}
    for path in paths:
        top = path.parts[0].lower() if len(path.parts) > 1 else None
        groups.setdefault(SPLIT_FOLDERS.get(top), []).append(path)
    others = groups.pop(None, None)
    if "train" in groups or not others:
        return groups, 1
    return {"train": paths}, 0


def _class_of(path, depth):
    """Returns the name of the class folder, `None` for a file beside them."""
    return path.parts[depth] if len(path.parts) > depth + 1 else None


def _class_names(groups, depth):
    """Returns the classes of all splits together, so that labels agree."""
    classes = [{_class_of(path, depth) for path in group} for group in groups]
    names = set().union(*(group for group in classes if None not in group))
    return sorted(names) if len(names) > 1 else None


def _hold_out(paths, depth, seed):
    """Splits every class by a hash of the names: nothing but they matter."""
    by_class = {}
    for path in sorted(paths, key=lambda path: _digest(path, seed)):
        by_class.setdefault(_class_of(path, depth), []).append(path)
    groups = {"train": [], "test": []}
    for members in by_class.values():
        num_test = int(len(members) * TEST_SHARE + 0.5)
        groups["test"] += members[:num_test]
        groups["train"] += members[num_test:]
    return groups


def _digest(path, seed):
    name = os.fsencode(path.as_posix())
    return hashlib.sha256(b"%d/%s" % (seed, name)).digest()


def _pick(groups, split, depth):
    wanted = ("test", "validation") if split == "test" else (split,)
    found = [groups[name] for name in wanted if groups.get(name)]
    if not found:
        available = " and ".join(name for name in groups if groups[name])
        raise InputError(
            f"the folder has no images of the split {split!r}, only of {available}; "
            f"put them into a sub-folder {split!r} beside 'train', or all images "
            "into one sub-folder per class, of which a fifth is held out as 'test'"
        )
    # A test split without labels, as ImageNet's, is no use where another has them.
    return min(found, key=lambda paths: _class_of(paths[0], depth) is None)
