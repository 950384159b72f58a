import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_mae.preprocessing import Preprocessing
from keras_mae.program import InputError
from training.data import evaluation_dataset, load_source, training_dataset
from training.data.record_index import index_path, write_index

PREPROCESSING = Preprocessing(2, num_channels=1, mean=0, std=1 / 255)
STREAM = {"memory_limit": 1}
LIMITS = pytest.mark.parametrize("limit", [{}, STREAM], ids=["memory", "stream"])


def image(gray):
    stream = io.BytesIO()
    Image.new("L", (2, 2), gray).save(stream, "PNG")
    return stream.getvalue()


def record(encoded, label=None, key="image/encoded"):
    features = {key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[encoded]))}
    if label is not None:
        integers = tf.train.Int64List(value=[label])
        features["image/class/label"] = tf.train.Feature(int64_list=integers)
    return tf.train.Example(
        features=tf.train.Features(feature=features)
    ).SerializeToString()


def write(path, *records):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for one in records:
            writer.write(one)


def shades(folder, grays, files=3, split="train", labels=lambda gray: gray % 2):
    for number in range(files):
        name = f"{split}-{number:05d}-of-{files:05d}"
        records = [record(image(g), labels(g)) for g in grays[number::files]]
        write(folder / name, *records)
    return f"tfrecord:{folder}/*"


def index(folder, lengths, class_names):
    files = {
        path.name: {"records": length, "bytes": path.stat().st_size}
        for path, length in zip(sorted(folder.iterdir()), lengths, strict=True)
    }
    content = {"class_names": class_names, "files": files}
    write_index(index_path(folder, "train"), content)


def pairs(source):
    dataset = evaluation_dataset(source, PREPROCESSING, 1)
    return [
        (round(float(images[0, 0, 0, 0])), int(labels[0])) for images, labels in dataset
    ]


@LIMITS
def test_images_and_labels_are_read_in_the_order_of_the_files(tmp_path, limit):
    source = load_source(shades(tmp_path, range(7)), **limit)
    assert source.num_examples == 7
    assert source.class_names == ["0", "1"]
    assert pairs(source) == [(g, g % 2) for g in [0, 3, 6, 1, 4, 2, 5]]


@LIMITS
def test_folder_stands_for_all_its_files(tmp_path, limit):
    shades(tmp_path, range(4))
    (tmp_path / ".partial").write_text("half a file")
    (tmp_path / "folder").mkdir()
    assert load_source(f"tfrecord:{tmp_path}", **limit).num_examples == 4


def test_files_named_after_splits_are_the_splits(tmp_path):
    shades(tmp_path, range(5))
    data = shades(tmp_path, range(20, 22), files=1, split="validation")
    assert load_source(data).num_examples == 5
    for split in ("test", "validation"):
        assert pairs(load_source(data, split)) == [(20, 0), (21, 1)]


def test_test_split_without_labels_yields_to_validation(tmp_path):
    shades(tmp_path, range(3), split="test", labels=lambda gray: -1)
    data = f"tfrecord:{tmp_path}"
    assert load_source(data, "test").class_names is None
    shades(tmp_path, range(20, 22), files=1, split="validation")
    assert load_source(data, "test").num_examples == 2


@pytest.mark.parametrize("name", ["cifar-test.tfrecord-00000-of-00001", "my_val.tfr"])
def test_split_is_found_within_names(tmp_path, name):
    write(tmp_path / name, record(image(1), 0))
    write(tmp_path / "latest", record(image(1), 0))  # holds "test", is none
    assert load_source(f"tfrecord:{tmp_path}", "test").num_examples == 1


def test_files_of_other_names_are_all_to_train_on(tmp_path):
    write(tmp_path / "a.tfrecord", record(image(1), 0))
    assert load_source(f"tfrecord:{tmp_path}").num_examples == 1
    with pytest.raises(InputError, match="no files of the split 'test', only of train"):
        load_source(f"tfrecord:{tmp_path}", "test")


def test_labels_may_be_absent(tmp_path):
    write(tmp_path / "a", record(image(7)))
    for options in ("", ",labels_from=1"):
        source = load_source(f"tfrecord:{tmp_path}{options}")
        assert source.class_names is None
        assert pairs(source) == [(7, -1)]


def test_labels_may_begin_at_one(tmp_path, capsys):
    data = shades(tmp_path, range(4), labels=lambda gray: gray + 1)
    assert load_source(data).num_classes == 5  # nothing has label 0
    assert "labels begin with 1: if that is the first" in capsys.readouterr().err
    source = load_source(f"{data},labels_from=1")
    assert source.num_classes == 4
    assert {label - gray for gray, label in pairs(source)} == {0}
    assert not capsys.readouterr().err


def test_labels_of_some_images_are_none(tmp_path, capsys):
    data = shades(tmp_path, range(4))
    assert load_source(f"{data},labels_from=1").class_names is None
    assert "not all images have a label of 1 or more" in capsys.readouterr().err


def test_missing_files_are_told(tmp_path, capsys):
    data = shades(tmp_path, range(6))
    load_source(data)
    assert not capsys.readouterr().err
    (tmp_path / "train-00001-of-00003").unlink()
    assert load_source(data).num_examples == 4
    assert "(train) has 2 files of 3" in capsys.readouterr().err


def test_index_saves_the_counting(tmp_path, monkeypatch):
    data = shades(tmp_path, range(4), files=2)
    index(tmp_path, [2, 2], ["even", "odd"])
    monkeypatch.setattr("training.data.tfrecord._count", None)
    source = load_source(data, **STREAM)
    assert source.num_examples == 4
    assert source.class_names == ["even", "odd"]


def test_index_of_other_files_is_not_believed(tmp_path):
    data = shades(tmp_path, range(4), files=1)
    index(tmp_path, [4], ["a", "b"])
    shades(tmp_path, range(9), files=1)  # written anew
    source = load_source(data)
    assert source.num_examples == 9
    assert source.class_names == ["0", "1"]


@LIMITS
def test_epochs_shuffle_and_resume(tmp_path, limit):
    source = load_source(shades(tmp_path, range(12)), **limit)

    def grays(**kwargs):
        dataset = training_dataset(source, PREPROCESSING, 4, epochs=3, **kwargs)
        return np.ravel([batch[:, 0, 0, 0] for batch in dataset]).round().tolist()

    full = grays()
    epochs = [full[:12], full[12:24], full[24:]]
    assert all(sorted(epoch) == list(range(12)) for epoch in epochs)
    assert epochs[0] != epochs[1]
    assert grays(first_epoch=1) == epochs[1] + epochs[2]


def test_broken_images_in_memory_are_left_out_when_opened(tmp_path, capfd):
    write(tmp_path / "a", record(image(1)), record(b"broken"), record(image(3)))
    source = load_source(f"tfrecord:{tmp_path}")
    assert pairs(source) == [(1, -1), (3, -1)]
    assert source.skipped == ["record 1 of a"]


def test_broken_images_in_a_stream_give_way_when_they_are_met(tmp_path):
    write(tmp_path / "a", record(image(1)), record(image(2)))
    write(tmp_path / "b", record(b"broken"), record(image(4)))
    source = load_source(f"tfrecord:{tmp_path}", **STREAM)
    assert pairs(source) == [(1, -1), (2, -1), (4, -1), (4, -1)]
    assert source.skipped == ["record 0 of b"]


@LIMITS
@pytest.mark.parametrize(("start", "stop"), [(0, 7), (0, 1), (2, 4), (3, 5), (4, 7)])
def test_a_range_of_the_records_comes_in_order(tmp_path, limit, start, stop):
    source = load_source(shades(tmp_path, range(7)), **limit)
    indices = source.between(start, stop).map(lambda index, *_: index)
    assert list(indices.as_numpy_iterator()) == list(range(start, stop))


def test_a_range_of_a_stream_needs_its_own_files_alone(tmp_path):
    source = load_source(shades(tmp_path, range(7)), **STREAM)  # 0 3 6, 1 4, 2 5
    for number in (0, 2):
        (tmp_path / f"train-0000{number}-of-00003").unlink()
    labels = source.between(3, 5).map(lambda *r: source.read(*r)["label"])
    assert list(labels.as_numpy_iterator()) == [1, 0]


@LIMITS
def test_records_behind_a_damaged_one_are_left_out_by_their_names(tmp_path, limit):
    data = shades(tmp_path, range(8), files=2)
    index(tmp_path, [4, 4], ["0", "1"])  # so that nothing is read to count
    path = tmp_path / "train-00000-of-00002"
    content = bytearray(path.read_bytes())
    content[5 * len(content) // 8] ^= 1  # in the third of four records
    path.write_bytes(content)
    source = load_source(data, **limit)
    assert {gray for gray, _ in pairs(source)} == {0, 2, 1, 3, 5, 7}
    lost = ["record 2 of train-00000-of-00002", "record 3 of train-00000-of-00002"]
    assert source.skipped == lost
    trained = training_dataset(source, PREPROCESSING, 2, epochs=2, crop_scale=(1, 1))
    assert len(list(trained)) == len(trained)
    assert source.skipped == lost


@pytest.mark.parametrize("is_there", [False, True])
def test_files_that_no_longer_open_are_left_out_by_their_records(tmp_path, is_there):
    source = load_source(shades(tmp_path, range(4), files=2), **STREAM)
    path = tmp_path / "train-00000-of-00002"
    path.unlink()
    if is_there:
        path.mkdir()
    assert {gray for gray, _ in pairs(source)} == {1, 3}
    assert source.skipped == [
        "record 0 of train-00000-of-00002",
        "record 1 of train-00000-of-00002",
    ]


@pytest.mark.parametrize("content", [b"\xff\xd8\xff", b"\x0a\x05\x0a\x03\x0a\x01\xe9"])
def test_records_that_are_no_examples_are_an_error(tmp_path, content):
    write(tmp_path / "a", content)
    with pytest.raises(InputError, match="must hold .*; its first one has no features"):
        load_source(f"tfrecord:{tmp_path}")


def test_records_of_another_schema_are_an_error(tmp_path):
    write(tmp_path / "a", record(image(1), key="jpeg"))
    with pytest.raises(InputError, match="must hold .*; its first one has jpeg"):
        load_source(f"tfrecord:{tmp_path}")


def test_other_files_are_an_error(tmp_path):
    (tmp_path / "notes.txt").write_text("These are certainly no records.")
    with pytest.raises(InputError, match="notes.txt is not an intact, uncompressed"):
        load_source(f"tfrecord:{tmp_path}")


def test_truncated_file_is_named(tmp_path):
    shades(tmp_path, range(6))
    path = tmp_path / "train-00001-of-00003"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match="train-00001-of-00003 is not an intact"):
        load_source(f"tfrecord:{tmp_path}")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("tfrecord:{}/x*", "no files match .*x\\*; expected TFRecord files"),
        ("tfrecord:", "must say which, as in tfrecord:imagenet"),
        ("tfrecord:{},label_from=1", "'label_from'; did you mean labels_from"),
        ("tfrecord:{},labels_from=one", "invalid literal for int"),
    ],
)
def test_bad_specs_are_errors(tmp_path, spec, message):
    with pytest.raises(InputError, match=message):
        load_source(spec.format(tmp_path))


def test_empty_files_are_an_error(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(InputError, match="are empty"):
        load_source(f"tfrecord:{tmp_path}")
