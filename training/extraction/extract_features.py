"""Features of a whole data set, streamed into files that a killed run leaves whole.

A file holds the examples of a range of numbers, whoever writes it: workers of any
number make the same files, and what is there is not made again.
"""

import itertools
import os
import time

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_mae.atomic import new_file, remove_leftovers
from keras_mae.program import InputError, RunError

from ..data.batches import finish
from ..data.decoding import pixels_of
from ..data.reading import parallel_map
from .feature_files import WRITERS
from .layout import Layout, share

OUTAGE = 32  # images of a file, none of them readable: more than broken pictures


def extract_features(
    extractor, source, output, layout=None, batch_size=64, shard=(0, 1)
):
    """Writes the features of a source, and leaves alone the files that are there.

    In memory are some batches and a row group (of npz, a file), however large the data.

    Args:
        extractor: `Extractor`.
        source: `Source`, as `load_source` returns it.
        output: Folder of the files, see `feature_files`. Rows come by ascending index;
            examples that cannot be read have none.
        layout: `Layout`, or `None` for the default one.
        batch_size: Integer. Images at a time.
        shard: Which of how many workers this is; each writes a range of the files.

    Returns:
        Dictionary of `files` and `rows` written now, `unreadable` images among these
        files' examples, `files_before`, `seconds` and `images_per_second`.

    Raises:
        InputError: The batch is too large for the model, or there is no such worker.
        RunError: No image of a file can be read.
    """
    _check_batch(batch_size, extractor.max_batch)
    layout, count = layout or Layout(), source.num_examples
    paths = layout.paths(output, count)
    own = share(len(paths), shard)
    pending = [number for number in own if not paths[number].exists()]
    examples = {number: layout.examples(number, count) for number in pending}
    batches = _batches(source, extractor.image_input, examples.values(), batch_size)
    parts = _parts(batches, extractor, layout.rows_per_file)
    total, rows, start = sum(map(len, examples.values())), 0, time.perf_counter()
    with tqdm(desc=source.name, total=total, unit="image", disable=None) as progress:
        for number, of_file in _by_file(parts, pending):
            file = _File(source, examples[number], of_file, extractor.dim, progress)
            file.write(paths[number], WRITERS[layout.format])
            rows += len(file.seen)
    seconds = time.perf_counter() - start
    return {
        "files": len(pending),
        "files_before": len(own) - len(pending),
        "rows": rows,
        "unreadable": total - rows,
        "seconds": round(seconds, 1),
        "images_per_second": round(rows / seconds, 1),
    }


class _File:
    """The rows of one file, on their way into it."""

    def __init__(self, source, examples, parts, dim, progress):
        self.source, self.examples, self.parts = source, examples, parts
        self.dim, self.progress, self.seen = dim, progress, []

    def write(self, path, writer):
        remove_leftovers(path)
        with new_file(path) as file:
            writer(file, self._rows(), self._unreadable)

    def _rows(self):
        nothing = np.zeros(0, "int64")
        yield self._columns(nothing, nothing, np.zeros((0, self.dim), "float32"))
        for _, *columns in self.parts:
            self.seen += columns[0].tolist()
            self.progress.update(len(columns[0]))
            yield self._columns(*columns)

    def _columns(self, index, label, features):
        names = [self.source.name_of(number) for number in index]
        # File systems know names that UTF-8 does not.
        ids = [os.fsencode(name).decode(errors="replace") for name in names]
        return {
            "id": np.array(ids, str),
            "index": index,
            "label": label,
            "features": features,
        }

    def _unreadable(self):
        missing = sorted(set(self.examples) - set(self.seen))
        if len(missing) == len(self.examples) >= OUTAGE:
            raise RunError(
                f"none of the images {missing[0]} to {missing[-1]} of "
                f"{self.source.name} can be read; are the data still there? Complete "
                "files stay: run again to go on"
            )
        self.progress.update(len(missing))
        self.source.skip(missing)
        return [self.source.name_of(number) for number in missing]


def _batches(source, image_input, ranges, batch_size):
    """Returns `(index, images, label)` of the readable examples of some ranges."""

    def load(*reference):
        example = source.read(*reference)
        pixels = pixels_of(example["image"], image_input.preprocessing)
        return example["index"], image_input(pixels), example["label"]

    runs = tf.data.Dataset.from_tensor_slices(_runs(ranges))
    dataset = parallel_map(runs.flat_map(source.between), load)
    if source.may_fail:
        dataset = dataset.ignore_errors(log_warning=True)
    return finish(dataset.batch(batch_size))


def _runs(ranges):
    """Returns starts and stops of what is left of ranges once neighbours are joined."""
    bounds = np.array([(r.start, r.stop) for r in ranges], "int64").reshape(-1, 2)
    begins = np.append(True, bounds[1:, 0] != bounds[:-1, 1])[: len(bounds)]
    ends = np.append(begins[1:], True)[: len(bounds)]
    return bounds[begins, 0], bounds[ends, 1]


def _parts(batches, extractor, rows_per_file):
    """Yields the number of a file, and some of its rows: index, label, features."""
    for index, images, label in batches:
        index, label = index.numpy(), label.numpy()
        features = extractor(images.numpy())
        numbers = index // rows_per_file
        for number in np.unique(numbers):
            rows = numbers == number
            yield number, index[rows], label[rows], features[rows]


def _by_file(parts, pending):
    """Yields every pending number, and the parts of its file, which may be none."""
    groups = itertools.groupby(parts, key=lambda part: part[0])
    group = next(groups, None)
    for number in pending:
        if group is None or group[0] != number:
            yield number, ()
        else:
            yield group
            group = next(groups, None)


def _check_batch(batch_size, most):
    if batch_size < 1:
        raise InputError(f"--batch_size is 1 or more. Received: {batch_size}")
    if most is not None and batch_size > most:
        raise InputError(
            f"the model takes {most} images at once, as it was exported. Received: "
            f"--batch_size {batch_size}"
        )
