import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from keras_mae.program import InputError, RunError
from training.data import load_source
from training.extraction.extract_features import extract_features
from training.extraction.feature_files import read_features
from training.extraction.layout import Layout


def png_folder(path, count):
    for number in range(count):
        png = tf.io.encode_png(np.full((16, 16, 3), 9 * number % 256, "uint8"))
        path.mkdir(exist_ok=True)
        tf.io.write_file(str(path / f"{number:03}.png"), png)
    return f"folder:{path}"


class Killed(Exception):
    """What stands for a kill."""


def dying(extractor, images):
    """Returns an extractor that dies when it has seen so many images."""
    seen = 0

    def features(batch):
        nonlocal seen
        seen += len(batch)
        if seen > images:
            raise Killed
        return extractor(batch)

    return dataclasses.replace(extractor, function=features)


def parts(folder):
    return sorted(path.name for path in folder.iterdir())


def test_rows_are_the_features_in_order(source, extractor, tmp_path):
    images = source(10)
    written = extract_features(extractor, images, tmp_path, Layout("parquet", 4), 3)
    assert (written["files"], written["rows"], written["unreadable"]) == (3, 10, 0)
    rows = read_features(tmp_path)
    np.testing.assert_array_equal(rows["index"], np.arange(10))
    np.testing.assert_array_equal(rows["label"], np.arange(10) % 3)
    assert rows["id"][7] == "example 7"
    expected = extractor(extractor.image_input(images.images).numpy())
    np.testing.assert_allclose(rows["features"], expected, atol=1e-5)


def test_npz_holds_the_same(source, extractor, tmp_path):
    for name in ("npz", "parquet"):
        extract_features(extractor, source(5), tmp_path / name, Layout(name))
    npz, parquet = (read_features(tmp_path / name) for name in ("npz", "parquet"))
    assert npz.keys() == parquet.keys()
    for name in npz:
        np.testing.assert_array_equal(npz[name], parquet[name])


def test_a_killed_run_goes_on_without_missing_or_double_rows(
    source, extractor, tmp_path
):
    images, settings = source(10), (Layout("parquet", 4), 3)
    extract_features(extractor, images, tmp_path / "whole", *settings)
    output = tmp_path / "killed"
    with pytest.raises(Killed):
        extract_features(dying(extractor, 6), images, output, *settings)
    assert parts(output) == ["part-00000-of-00003.parquet"]
    (output / ".part-00001-of-00003.0a.tmp.parquet").touch()  # what SIGKILL leaves
    written = extract_features(extractor, images, output, *settings)
    assert (written["files"], written["files_before"], written["rows"]) == (2, 1, 6)
    assert parts(output) == parts(tmp_path / "whole")
    whole, resumed = read_features(tmp_path / "whole"), read_features(output)
    np.testing.assert_array_equal(whole["index"], resumed["index"])
    np.testing.assert_allclose(whole["features"], resumed["features"], atol=1e-5)


def test_files_that_are_lost_in_between_are_made_again(source, extractor, tmp_path):
    images, settings = source(10), (Layout("npz", 2), 3)
    extract_features(extractor, images, tmp_path, *settings)
    for number in (0, 2, 3):
        (tmp_path / f"part-0000{number}-of-00005.npz").unlink()
    written = extract_features(extractor, images, tmp_path, *settings)
    assert (written["files"], written["rows"]) == (3, 6)
    np.testing.assert_array_equal(read_features(tmp_path)["index"], np.arange(10))


def test_workers_make_the_files_of_one(source, extractor, tmp_path):
    images, layout = source(11), Layout("npz", 2)
    written = [
        extract_features(extractor, images, tmp_path, layout, shard=(i, 4))["files"]
        for i in range(4)
    ]
    assert written == [1, 2, 1, 2]
    np.testing.assert_array_equal(read_features(tmp_path)["index"], np.arange(11))
    again = extract_features(extractor, images, tmp_path, layout)
    assert (again["files"], again["files_before"], again["rows"]) == (0, 6, 0)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_images_that_cannot_be_read_are_left_out_by_name(
    extractor, tmp_path, batch_size
):
    source = load_source(png_folder(tmp_path / "data", 6), check=False)
    for number in (0, 3, 4, 5):  # of the last file both
        (tmp_path / "data" / f"00{number}.png").write_bytes(b"no picture")
    output, layout = tmp_path / "out", Layout("npz", 2)
    written = extract_features(extractor, source, output, layout, batch_size)
    assert (written["files"], written["rows"], written["unreadable"]) == (3, 2, 4)
    rows = read_features(output)
    assert rows["id"].tolist() == ["001.png", "002.png"]
    np.testing.assert_array_equal(rows["index"], [1, 2])
    lost = [f"00{number}.png" for number in (0, 3, 4, 5)]
    assert rows["unreadable"].tolist() == source.skipped == lost


def test_data_that_are_gone_stop_the_run(extractor, tmp_path):
    source = load_source(png_folder(tmp_path / "data", 64), check=False)
    for number in range(32, 64):
        (tmp_path / "data" / f"{number:03}.png").unlink()
    output, layout = tmp_path / "out", Layout("npz", 32)
    with pytest.raises(RunError, match="none of the images 32 to 63 .* still there"):
        extract_features(extractor, source, output, layout)
    assert parts(output) == ["part-00000-of-00002.npz"]


def test_batches_that_the_model_does_not_take_are_refused(source, extractor, tmp_path):
    limited = dataclasses.replace(extractor, max_batch=4)
    with pytest.raises(InputError, match="takes 4 images at once.*--batch_size 5"):
        extract_features(limited, source(2), tmp_path, batch_size=5)
    with pytest.raises(InputError, match="--batch_size is 1 or more. Received: 0"):
        extract_features(extractor, source(2), tmp_path, batch_size=0)
