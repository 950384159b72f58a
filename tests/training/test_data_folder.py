import os

import numpy as np
import pytest
from PIL import Image

from keras_mae.preprocessing import Preprocessing
from keras_mae.program import InputError
from training.data import evaluation_dataset, load_source, training_dataset


def write(folder, *names, gray=100, size=(12, 9)):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (gray,) * 3).save(path)


def open_folder(folder, split="train", **kwargs):
    return load_source(f"folder:{folder}", split, **kwargs)


def labels_of(source):
    return [int(example["label"]) for example in source.examples()]


def test_flat_folder_gives_everything_to_train(tmp_path):
    write(tmp_path, "a.jpg", "b.JPEG", "c.png", "d.PNG", "e.bmp", "deep/er/f.Jpg")
    write(tmp_path, ".hidden.png", ".thumbnails/g.png")
    (tmp_path / "notes.txt").write_text("not an image")
    source = open_folder(tmp_path)
    assert source.num_examples == 6
    assert source.class_names is None
    assert source.num_classes is None
    assert labels_of(source) == [-1] * 6
    with pytest.raises(
        InputError, match="no images of the split 'test', only of train"
    ):
        open_folder(tmp_path, "test")


def test_sub_folders_are_classes_and_a_fifth_is_held_out(tmp_path):
    for name in ("cat", "dog"):
        write(tmp_path / name, *(f"{i}.png" for i in range(10)))
    train, test = open_folder(tmp_path), open_folder(tmp_path, "test")
    assert train.class_names == test.class_names == ["cat", "dog"]
    assert labels_of(train) == [0] * 8 + [1] * 8
    assert labels_of(test) == [0] * 2 + [1] * 2


def test_held_out_files_depend_on_names_and_seed_alone(tmp_path):
    for copy in ("one", "two"):
        for name in ("cat", "dog"):
            for i in range(10):
                write(tmp_path / copy / name, f"{i}.png", gray=i)

    def grays(copy, split, seed):
        source = open_folder(tmp_path / copy, split, seed=seed)
        return [
            round(float(images[0, 0, 0, 0]))
            for images, _ in evaluation_dataset(
                source, Preprocessing(4, mean=0, std=1 / 255), 1
            )
        ]

    assert grays("one", "test", 0) == grays("two", "test", 0)
    assert grays("one", "test", 0) != grays("one", "test", 1)
    both = sorted(grays("one", "train", 0) + grays("one", "test", 0))
    assert both == sorted([*range(10), *range(10)])


def test_split_folders_are_used_and_share_their_classes(tmp_path):
    write(tmp_path / "train", "cat/1.png", "dog/1.png", "owl/1.png")
    write(tmp_path / "val", "dog/1.png", "owl/1.png")
    assert labels_of(open_folder(tmp_path)) == [0, 1, 2]
    for split in ("test", "validation"):
        source = open_folder(tmp_path, split)
        assert source.class_names == ["cat", "dog", "owl"]
        assert labels_of(source) == [1, 2]


def test_test_folder_without_labels_yields_to_val(tmp_path):
    write(tmp_path / "train", "cat/1.png", "dog/1.png")
    write(tmp_path / "test", "1.png", "2.png", "3.png")
    assert open_folder(tmp_path, "test").class_names is None
    write(tmp_path / "val", "cat/1.png", "dog/1.png")
    assert labels_of(open_folder(tmp_path, "test")) == [0, 1]


def test_train_folder_alone_is_divided(tmp_path):
    for name in ("cat", "dog"):
        write(tmp_path / "train" / name, *(f"{i}.png" for i in range(5)))
    assert labels_of(open_folder(tmp_path)) == [0] * 4 + [1] * 4
    assert labels_of(open_folder(tmp_path, "test")) == [0, 1]


@pytest.mark.parametrize("memory_limit", [0, 1 << 20])
def test_unreadable_files_are_skipped_and_reported(tmp_path, capfd, memory_limit):
    write(tmp_path, "good.png", "good.jpg", "pixel.png", size=(1, 1))
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "page.png").write_text("<html>not found</html>")
    whole = (tmp_path / "good.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    os.symlink(tmp_path / "nowhere", tmp_path / "dangling.png")
    (tmp_path / "folder.png").mkdir()
    source = open_folder(tmp_path, memory_limit=memory_limit)
    assert source.num_examples == 3
    assert source.skipped == ["cut.jpg", "dangling.png", "empty.jpg", "page.png"]
    assert (
        "skipped 4 of 7 images, not readable: cut.jpg, dangling.png, empty.jpg, ...\n"
    ) in capfd.readouterr().err
    dataset = training_dataset(source, Preprocessing(4), 3, epochs=2)
    assert [batch.shape for batch in dataset] == [(3, 4, 4, 3)] * 2


def test_names_may_hold_any_character(tmp_path):
    write(tmp_path, "a b [1]*?.png", "ünï.png")
    Image.new("L", (3, 3)).save(os.fsencode(tmp_path) + b"/\xff.png", "PNG")
    assert open_folder(tmp_path).num_examples == 3


def test_links_in_a_circle_end(tmp_path):
    write(tmp_path, "a.png")
    os.symlink(tmp_path, tmp_path / "again")
    assert open_folder(tmp_path).num_examples == 1


def test_kinds_of_files_and_sizes_mix(tmp_path):
    Image.new("L", (30, 10), 128).save(tmp_path / "gray.jpg")
    Image.new("CMYK", (7, 40)).save(tmp_path / "cmyk.jpg")
    Image.new("RGBA", (1, 90)).save(tmp_path / "alpha.png")
    Image.fromarray(np.full((5, 6), 30000, "uint16")).save(tmp_path / "deep.png")
    source = open_folder(tmp_path)
    for num_channels in (1, 3, 4):
        preprocessing = Preprocessing((6, 8), num_channels)
        (batch,) = training_dataset(source, preprocessing, 4, epochs=1)
        assert batch.shape == (4, 6, 8, num_channels)
        assert np.isfinite(batch).all()


def test_long_scans_show_their_progress(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("training.data.readable.LONG_SCAN", 2)
    write(tmp_path, "1.png", "2.png", "3.png")
    open_folder(tmp_path)
    out = capsys.readouterr().out
    assert out.startswith("reading 3 images")
    assert "3/3" in out


def test_missing_folder_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no such folder: .*nowhere; expected"):
        open_folder(tmp_path / "nowhere")


def test_empty_folder_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no images below .*; expected files named"):
        open_folder(tmp_path)


def test_folder_without_a_readable_image_is_an_error(tmp_path):
    (tmp_path / "a.jpg").write_text("text")
    with pytest.raises(InputError, match=r"none of the 1 images can be read \(a.jpg\)"):
        open_folder(tmp_path)


def test_unchecked_files_are_not_opened_before_they_are_read(tmp_path):
    write(tmp_path / "cat", "0.png")
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "1.png").write_bytes(b"no picture")
    source = open_folder(tmp_path, check=False)
    assert source.num_examples == 2
    assert source.name_of(1) == os.path.join("dog", "1.png")
    assert source.class_names == ["cat", "dog"]
    assert source.are_paths
    assert source.skipped == []
