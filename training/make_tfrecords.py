"""Writes data as TFRecord files: `python -m training.make_tfrecords --help`."""

import contextlib
import itertools
import json
import time

import tensorflow as tf
from tqdm import tqdm

from keras_mae.atomic import new_file, remove_leftovers
from keras_mae.program import InputError, one_line_errors

from .command_line import add_data_arguments, program_parser
from .data import load_source
from .data.load import SPLITS
from .data.record_examples import encoded_examples, serialise
from .data.record_index import index_path, write_index

IMAGES_A_SHARD = 1_000  # 110 MB of ImageNet's photographs


def make_tfrecords(data, output, split="train", shards=None, data_dir=None):
    """Writes a split as `SPLIT-NNNNN-of-NNNNN.tfrecord`, and an index beside them.

    Examples come in a random order, always the same, in files of equal length. A file
    appears under its name when it is complete and is never written again: a run that
    was interrupted goes on with the first one missing. Unreadable images are left out
    and named in the index.

    Args:
        data: Data spec, see `training.data.load_source`.
        output: Path of the folder.
        split: `"train"`, `"test"` or `"validation"`.
        shards: Optional integer, the number of files; default: one a thousand images.
        data_dir: Where prepared TFDS data sets lie.

    Returns:
        The results as a dictionary.

    Raises:
        InputError: Data that cannot be read, or a folder that holds others.
    """
    began = time.perf_counter()
    source = load_source(data, split, data_dir)
    count = source.num_examples
    shards = -(-count // IMAGES_A_SHARD) if shards is None else shards
    if not 1 <= shards <= count:
        raise InputError(
            f"--shards must be from 1 to the {count} images; received {shards}"
        )
    made_from = {"data": data, "split": split, "images": count, "shards": shards}
    path = index_path(output, split)
    index = _open_index(path, made_from, source)
    written = _write_missing(source, path, index)
    files = index["files"].values()
    return {
        "program": "make_tfrecords",
        "output": str(output),
        "images": sum(file["records"] for file in files),
        "skipped_images": len(index["skipped"]) + sum(len(f["skipped"]) for f in files),
        "bytes": sum(file["bytes"] for file in files),
        "shards": shards,
        "shards_written": written,
        "seconds": round(time.perf_counter() - began, 1),
    }


def _open_index(path, made_from, source):
    """Returns the index that is there, or one without files."""
    remove_leftovers(path)
    if not path.exists():
        return {
            "made_from": made_from,
            "class_names": source.class_names,
            "skipped": source.skipped,
            "files": {},
        }
    index = json.loads(path.read_text())
    if index["made_from"] != made_from:
        raise InputError(
            f"{path.parent} holds files made from {index['made_from']}, not from "
            f"{made_from}; use another --output"
        )
    return index


def _write_missing(source, index_file, index):
    """Writes the files that are not there yet; returns their number."""
    count, shards = source.num_examples, index["made_from"]["shards"]
    split, folder = index["made_from"]["split"], index_file.parent
    paths = [
        folder / f"{split}-{i:05d}-of-{shards:05d}.tfrecord" for i in range(shards)
    ]
    starts = [i * count // shards for i in range(shards + 1)]
    missing = [i for i, path in enumerate(paths) if not path.exists()]
    unknown = [p for p in paths if p.exists() and p.name not in index["files"]]
    if unknown:
        raise InputError(
            f"{unknown[0]} is there, but not in {index_file.name}; use another --output"
        )
    if not missing:
        return 0
    begin = starts[missing[0]]
    examples = encoded_examples(source, begin).as_numpy_iterator()
    progress = {"initial": begin, "unit": "image", "disable": None}
    examples = iter(tqdm(examples, "writing", count, **progress))
    for shard in range(missing[0], shards):
        own = itertools.islice(examples, starts[shard + 1] - starts[shard])
        if shard in missing:
            _write_file(paths[shard], own, source, index_file, index)
        else:  # a later file was there
            list(own)
    return len(missing)


def _write_file(path, examples, source, index_file, index):
    remove_leftovers(path)
    with _telling_full_disk(path), new_file(path) as partial:
        skipped, records = [], 0
        with tf.io.TFRecordWriter(str(partial)) as writer:
            for example in examples:
                name = source.name_of(int(example["index"]))
                if example["readable"]:
                    writer.write(serialise(example, name, source.class_names))
                    records += 1
                else:
                    skipped.append(name)
        size = partial.stat().st_size
        entry = {"records": records, "bytes": size, "skipped": skipped}
        index["files"][path.name] = entry
        write_index(index_file, index)  # before the file: what is there is known


@contextlib.contextmanager
def _telling_full_disk(path):
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise InputError(
            f"no room for {path}: {error.message}. Complete files stay; make room and "
            "run again to go on"
        ) from error


def _arguments(argv):
    parser = program_parser(
        "Writes images as TFRecord files, which large data are read from fastest. "
        "JPEG and PNG files are kept byte by byte. Run again with the same command, "
        "an interrupted run goes on with the first file that is missing.",
        [
            "python -m training.make_tfrecords --data folder:DIR --output records",
            "python -m training.make_tfrecords --data folder:DIR --output records "
            "--split test",
            "python -m training.pretrain --recipe NAME --data tfrecord:records",
        ],
    )
    add_data_arguments(parser)
    parser.add_argument("--output", required=True, metavar="DIR", help="folder")
    parser.add_argument("--split", default="train", help=f"one of: {', '.join(SPLITS)}")
    parser.add_argument(
        "--shards",
        type=int,
        metavar="N",
        help=f"number of files (default: one each {IMAGES_A_SHARD:,} images)",
    )
    return parser.parse_args(argv)


def main(argv=None):
    """Runs the program; returns its results."""
    arguments = _arguments(argv)
    with one_line_errors():
        results = make_tfrecords(
            arguments.data,
            arguments.output,
            arguments.split,
            arguments.shards,
            arguments.data_dir,
        )
    print(json.dumps(results))
    return results


if __name__ == "__main__":
    main()
