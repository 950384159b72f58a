import numpy as np
import pandas
import pyarrow.parquet as pq
import pytest

from training.extraction.feature_files import WRITERS, read_features


def parts(*counts, dim=2):
    """Yields rows numbered from 0, so many in each part."""
    for start, count in zip(np.cumsum(counts) - counts, counts, strict=True):
        index = np.arange(start, start + count)
        yield {
            "id": np.array([f"image {i}" for i in index], str),
            "index": index,
            "label": index % 3,
            "features": np.repeat(index[:, None], dim, axis=1).astype("float32"),
        }


@pytest.mark.parametrize("format", WRITERS)
def test_rows_come_back(tmp_path, format):
    for number, counts in enumerate([(0, 3, 2), (0,), (0, 1)]):
        file = tmp_path / f"part-{number}.{format}"
        WRITERS[format](file, parts(*counts), lambda: ["broken.png"])
    rows = read_features(tmp_path)
    np.testing.assert_array_equal(rows["index"], [0, 1, 2, 3, 4, 0])
    np.testing.assert_array_equal(rows["label"], [0, 1, 2, 0, 1, 0])
    np.testing.assert_array_equal(rows["features"][:, 1], [0, 1, 2, 3, 4, 0])
    assert rows["features"].dtype == "float32"
    assert rows["id"][4] == "image 4"
    assert rows["unreadable"].tolist() == 3 * ["broken.png"]


def test_row_groups_are_bounded_however_rows_come(tmp_path):
    file = tmp_path / "part-0.parquet"
    WRITERS["parquet"](file, parts(0, 1000, 1500, 7, 2000), list)
    metadata = pq.read_metadata(file)
    groups = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert groups == [1024, 1024, 1024, 1024, 411]
    np.testing.assert_array_equal(read_features(tmp_path)["index"], np.arange(4507))


def test_pandas_reads_a_folder_as_one_table(tmp_path):
    (tmp_path / "_config.json").write_text("{}")
    for number in range(2):
        file = tmp_path / f"part-{number}.parquet"
        WRITERS["parquet"](file, parts(0, 3), list)
    table = pandas.read_parquet(tmp_path)
    assert table["id"].tolist() == 2 * ["image 0", "image 1", "image 2"]
    assert np.stack(table["features"]).shape == (6, 2)
