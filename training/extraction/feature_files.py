"""Rows of features in files: Parquet, in groups of bounded size, and npz.

Columns: `id`, what the data call the example; `index`, its number; `label`, -1 where it
has none; `features`, float32 `(dim,)`. The ids of images that could not be read stand
in the file, too, as `unreadable`: JSON in the metadata of Parquet, an array of npz.
"""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS_OF_GROUP = 1024
COLUMNS = {"id": pa.string(), "index": pa.int64(), "label": pa.int64()}


def schema(dim, names=tuple(COLUMNS)):
    """Returns the Parquet schema of these columns and features of this width."""
    columns = {name: COLUMNS[name] for name in names}
    # Arrow's readers know the width again, others see lists.
    return pa.schema({**columns, "features": pa.list_(pa.float32(), dim)})


def write_parquet(file, parts, unreadable):
    """Writes rows as they come; a group of them and a part are in memory.

    Args:
        file: Path.
        parts: Iterator of dictionaries of columns, some rows in each, or none. There
            is one at least.
        unreadable: Function that returns ids, called after the last part.
    """
    table = _table(next(parts))
    with pq.ParquetWriter(file, table.schema) as writer:
        for part in parts:
            table = pa.concat_tables([table, _table(part)])
            while len(table) > ROWS_OF_GROUP:
                writer.write_table(table[:ROWS_OF_GROUP])
                table = table[ROWS_OF_GROUP:]
        writer.write_table(table)
        writer.add_key_value_metadata({"unreadable": json.dumps(unreadable())})


def write_npz(file, parts, unreadable):
    """Writes rows as arrays, which are in memory until then; see `write_parquet`."""
    parts = list(parts)
    columns = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    np.savez(file, **columns, unreadable=np.array(unreadable(), str))


WRITERS = {"parquet": write_parquet, "npz": write_npz}


def read_features(folder):
    """Returns the rows of all files in a folder.

    Returns:
        Dictionary of arrays: `id`, `index`, `label`, `features` `(rows, dim)`, by
        ascending index, and `unreadable`.
    """
    files = [_read(path) for path in sorted(Path(folder).glob("part-*"))]
    return {name: np.concatenate([file[name] for file in files]) for name in files[0]}


def _table(part):
    features = part["features"].astype("float32")
    dim = features.shape[1]
    lists = pa.FixedSizeListArray.from_arrays(features.ravel(), dim)
    return pa.table({**part, "features": lists}, schema(dim))


def _read(path):
    if path.suffix == ".npz":
        with np.load(path) as stored:
            return dict(stored)
    table = pq.read_table(path)
    rows = {name: np.array(table[name]) for name in ("id", "index", "label")}
    rows["id"] = rows["id"].astype(str)
    features = table["features"].combine_chunks()
    rows["features"] = np.array(features.flatten()).reshape(-1, features.type.list_size)
    unreadable = json.loads(pq.read_metadata(path).metadata[b"unreadable"])
    return {**rows, "unreadable": np.array(unreadable, str)}
