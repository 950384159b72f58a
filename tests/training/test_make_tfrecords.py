import io
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_mae.preprocessing import Preprocessing
from keras_mae.program import InputError
from training import make_tfrecords
from training.data import evaluation_dataset, load_source


def encoded(gray, format):
    stream = io.BytesIO()
    Image.new("L", (4, 4), gray).save(stream, format)
    return stream.getvalue()


def folder(path, num=6):
    """Writes a folder of two classes, even and odd grays; returns its spec."""
    for gray in range(num):
        name = path / ("odd" if gray % 2 else "even") / f"{gray}.jpg"
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_bytes(encoded(gray * 30, "JPEG"))
    return f"folder:{path}"


def run(data, output, *options):
    return make_tfrecords.main(["--data", data, "--output", str(output), *options])


def examples(paths):
    """Returns the features of all records, by name."""
    found = []
    for record in tf.data.TFRecordDataset([str(path) for path in paths]):
        features = tf.train.Example.FromString(record.numpy()).features.feature
        found.append(
            {
                key: (value.bytes_list.value or value.int64_list.value)[0]
                for key, value in features.items()
            }
        )
    return found


def shards(output):
    return sorted(output.glob("[!.]*.tfrecord"))


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Spec of 40 images to train on and 10 to test on, each of one gray."""
    grays = np.arange(50, dtype="uint8") * 5
    images = np.tile(grays[:, None, None], (1, 4, 4))
    arrays = {"x_train": images[:40], "y_train": np.arange(40) // 10}
    arrays |= {"x_test": images[40:], "y_test": np.arange(10) % 4}
    path = tmp_path_factory.mktemp("npz") / "digits.npz"
    np.savez(path, **arrays)
    return f"npz:{path}"


def test_records_follow_imagenets_schema_and_keep_the_bytes(tmp_path):
    results = run(folder(tmp_path / "in"), tmp_path / "out", "--shards", "1")
    assert results["images"] == 4  # of six, two are held out for testing
    assert [path.name for path in shards(tmp_path / "out")] == [
        "train-00000-of-00001.tfrecord"
    ]
    for example in examples(shards(tmp_path / "out")):
        name = example["image/filename"].decode()
        assert example["image/encoded"] == (tmp_path / "in" / name).read_bytes()
        assert example["image/format"] == b"JPEG"
        assert example["image/class/text"].decode() in name
        assert example["image/class/label"] == (example["image/class/text"] == b"odd")


def test_names_of_classes_need_not_be_utf_8(tmp_path):
    data, name = folder(tmp_path / "in"), os.fsdecode(b"caf\xe9")
    (tmp_path / "in" / "odd").rename(tmp_path / "in" / name)
    run(data, tmp_path / "out")
    found = {
        example["image/class/text"] for example in examples(shards(tmp_path / "out"))
    }
    assert found == {b"even", b"caf\xe9"}


def test_labels_of_what_is_written_begin_at_zero(tmp_path, digits):
    run(digits, tmp_path)
    message = "written by make_tfrecords.*received labels_from=1, leave it out"
    with pytest.raises(InputError, match=message):
        load_source(f"tfrecord:{tmp_path},labels_from=1")


def test_what_is_written_is_read_back(tmp_path, digits):
    for split in ("train", "test"):
        run(digits, tmp_path, "--split", split, "--shards", "4")
        written = load_source(digits, split)
        source = load_source(f"tfrecord:{tmp_path}", split)
        assert source.class_names == written.class_names == ["0", "1", "2", "3"]
        assert content(source) == content(written)


def content(source):
    preprocessing = Preprocessing(4, num_channels=1, mean=0, std=1 / 255)
    dataset = evaluation_dataset(source, preprocessing, 1)
    return sorted((int(x[0, 0, 0, 0]), y.numpy().item()) for x, y in dataset)


def test_files_share_the_images_equally_and_shuffled(tmp_path, digits):
    results = run(digits, tmp_path, "--shards", "3")
    files = json.loads((tmp_path / "train.index.json").read_text())["files"]
    assert sorted(file["records"] for file in files.values()) == [13, 13, 14]
    assert results["bytes"] == sum(path.stat().st_size for path in shards(tmp_path))
    labels = [example["image/class/label"] for example in examples(shards(tmp_path))]
    assert len(set(labels[:10])) > 1


def test_default_is_a_file_each_so_many_images(tmp_path, digits, monkeypatch):
    monkeypatch.setattr(make_tfrecords, "IMAGES_A_SHARD", 15)
    assert run(digits, tmp_path)["shards"] == len(shards(tmp_path)) == 3


def interrupt(monkeypatch, after):
    """Makes the program stop in the middle of a file."""
    serialise, calls = make_tfrecords.serialise, []

    def stop(*arguments):
        calls.append(arguments)
        if len(calls) > after:
            raise KeyboardInterrupt
        return serialise(*arguments)

    monkeypatch.setattr(make_tfrecords, "serialise", stop)


def test_interrupted_run_goes_on_and_leaves_complete_files_alone(tmp_path, digits):
    whole, again = tmp_path / "whole", tmp_path / "again"
    run(digits, whole, "--shards", "8")
    with pytest.MonkeyPatch.context() as patch:
        interrupt(patch, after=18)  # of 5 a file
        with pytest.raises(KeyboardInterrupt):
            run(digits, again, "--shards", "8")
    assert len(shards(again)) == 3
    (again / ".train-00003-of-00008.0123abcd.tmp.tfrecord").touch()  # as a kill leaves
    before = {path: path.stat().st_mtime_ns for path in shards(again)}
    assert run(digits, again, "--shards", "8")["shards_written"] == 5
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert contents(again) == contents(whole)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_missing_file_in_the_middle_is_written_alone(tmp_path, digits):
    run(digits, tmp_path, "--shards", "8")
    before = contents(tmp_path)
    shards(tmp_path)[4].unlink()
    assert run(digits, tmp_path, "--shards", "8")["shards_written"] == 1
    assert contents(tmp_path) == before


def test_finished_run_writes_nothing(tmp_path, digits):
    first = run(digits, tmp_path, "--shards", "2")
    second = run(digits, tmp_path, "--shards", "2")
    assert (first["shards_written"], second["shards_written"]) == (2, 0)
    assert second["images"] == 40


def test_files_that_the_index_does_not_know_are_left_alone(tmp_path, digits, capsys):
    run(digits, tmp_path, "--shards", "2")
    (tmp_path / "train.index.json").unlink()
    with pytest.raises(SystemExit, match="2"):
        run(digits, tmp_path, "--shards", "2")
    assert "is there, but not in train.index.json" in capsys.readouterr().err


@pytest.mark.slow
def test_killed_run_ends_as_it_would_have(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run("demo", whole, "--shards", "400")
    line = [sys.executable, "-m", "training.make_tfrecords", "--data", "demo"]
    line += ["--output", str(killed), "--shards", "400"]
    for files in (3, 90, 250):
        process = subprocess.Popen(line)
        while len(shards(killed)) < files and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert files <= len(shards(killed)) < 400
    subprocess.run(line, check=True)
    assert contents(killed) == contents(whole)


def test_broken_images_are_left_out_and_named(tmp_path):
    data = folder(tmp_path / "in", 4)
    (tmp_path / "in" / "odd" / "x.jpg").write_text("no image")
    results = run(data, tmp_path / "out")
    assert results["skipped_images"] == 1
    index = json.loads((tmp_path / "out" / "train.index.json").read_text())
    assert index["skipped"] == ["odd/x.jpg"]


def test_images_that_break_in_a_stream_are_left_out_and_named(tmp_path, monkeypatch):
    writer = tf.io.TFRecordWriter(str(tmp_path / "a"))
    for image in (encoded(9, "PNG"), b"broken", encoded(9, "JPEG")):
        features = {
            "image/encoded": tf.train.Feature(
                bytes_list=tf.train.BytesList(value=[image])
            )
        }
        example = tf.train.Example(features=tf.train.Features(feature=features))
        writer.write(example.SerializeToString())
    writer.close()
    monkeypatch.setattr(
        make_tfrecords,
        "load_source",
        lambda *args: load_source(*args, memory_limit=1),
    )
    results = run(f"tfrecord:{tmp_path / 'a'}", tmp_path / "out")
    assert (results["images"], results["skipped_images"]) == (2, 1)
    (path,) = shards(tmp_path / "out")
    index = json.loads((tmp_path / "out" / "train.index.json").read_text())
    assert index["files"][path.name]["skipped"] == ["record 1 of a"]
    found = examples([path])
    assert sorted(example["image/format"] for example in found) == [b"JPEG", b"PNG"]
    assert all("image/class/label" not in example for example in found)


def test_pixels_and_bitmaps_become_png(tmp_path):
    np.savez(tmp_path / "x.npz", images=np.full((2, 4, 4, 3), 0.5))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.bmp").write_bytes(encoded(128, "BMP"))
    for number, data in enumerate([f"npz:{tmp_path}/x.npz", f"folder:{tmp_path}/in"]):
        run(data, tmp_path / str(number))
        for example in examples(shards(tmp_path / str(number))):
            assert example["image/format"] == b"PNG"
            pixels = tf.io.decode_png(example["image/encoded"], channels=3)
            np.testing.assert_array_equal(pixels, np.full((4, 4, 3), 128))


def test_a_full_disk_is_told_and_complete_files_stay(
    tmp_path, digits, monkeypatch, capsys
):
    run(digits, tmp_path, "--shards", "2")
    shards(tmp_path)[1].unlink()

    def full(*arguments):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(make_tfrecords, "serialise", full)
    with pytest.raises(SystemExit, match="2"):
        run(digits, tmp_path, "--shards", "2")
    assert "No space left on device. Complete files stay" in capsys.readouterr().err
    assert len(shards(tmp_path)) == 1
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--shards", "0"], "--shards must be from 1 to the 40 images; received 0"),
        (["--shards", "9999"], "received 9999"),
        (["--split", "tset"], "did you mean test"),
        (
            ["--shards", "3"],
            "holds files made from .*'shards': 2.*use another --output",
        ),
    ],
)
def test_bad_input_ends_with_one_line(tmp_path, digits, capsys, options, message):
    run(digits, tmp_path, "--shards", "2")
    capsys.readouterr()
    with pytest.raises(SystemExit, match="2"):
        run(digits, tmp_path, *options)
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert re.search(message, error), error
    assert len(shards(tmp_path)) == 2
