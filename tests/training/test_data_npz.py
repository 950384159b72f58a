import numpy as np
import pytest

from keras_mae.preprocessing import Preprocessing
from keras_mae.program import InputError
from training.data import evaluation_dataset, load_source, training_dataset

PREPROCESSING = Preprocessing(2, num_channels=1, mean=0, std=1 / 255)
GRAYS = np.arange(10, dtype="uint8")
IMAGES = np.repeat(GRAYS, 4).reshape(10, 2, 2)


def saved(tmp_path, **arrays):
    np.savez(tmp_path / "x.npz", **arrays)
    return f"npz:{tmp_path / 'x.npz'}"


def pairs(source):
    dataset = evaluation_dataset(source, PREPROCESSING, 1)
    return [
        (round(float(images[0, 0, 0, 0])), int(labels[0])) for images, labels in dataset
    ]


@pytest.mark.parametrize(
    ("images", "labels"), [("x_{}", "y_{}"), ("{}_images", "{}_labels")]
)
@pytest.mark.parametrize("held_out", ["test", "val"])
def test_arrays_are_named_after_splits(tmp_path, images, labels, held_out):
    data = saved(
        tmp_path,
        **{images.format("train"): IMAGES, labels.format("train"): GRAYS % 3},
        **{images.format(held_out): IMAGES[:4], labels.format(held_out): GRAYS[:4] % 3},
    )
    source = load_source(data)
    assert pairs(source) == [(gray, gray % 3) for gray in range(10)]
    assert source.class_names == ["0", "1", "2"]
    assert load_source(data, "test").num_examples == 4


def test_a_fifth_of_labelled_images_is_held_out(tmp_path):
    data = saved(tmp_path, images=IMAGES, labels=GRAYS[:, None] % 5)  # (n, 1)
    train, test = pairs(load_source(data)), pairs(load_source(data, "test"))
    assert (len(train), len(test)) == (8, 2)
    assert sorted(train + test) == [(gray, gray % 5) for gray in range(10)]
    assert pairs(load_source(data, "test", seed=1)) != test


def test_images_without_labels_are_all_to_train_on(tmp_path):
    data = saved(tmp_path, images=IMAGES)
    assert pairs(load_source(data)) == [(gray, -1) for gray in range(10)]
    with pytest.raises(InputError, match="no split 'test'; expected x_test or"):
        load_source(data, "test")


@pytest.mark.parametrize("scale", [1, 255])
def test_floats_lie_in_0_to_1_or_to_255(tmp_path, scale):
    images = np.linspace(0, scale, 10, dtype="float64")[:, None, None, None]
    source = load_source(saved(tmp_path, images=np.tile(images, (1, 2, 2, 3))))
    assert source.images.dtype == "float32"
    np.testing.assert_allclose(
        source.images[:, 0, 0, 0], np.linspace(0, 255, 10), rtol=1e-6
    )
    (batch,) = training_dataset(source, Preprocessing(2), 10, epochs=1)
    assert batch.shape == (10, 2, 2, 3)


def test_integers_of_any_size_become_bytes(tmp_path):
    source = load_source(saved(tmp_path, x=IMAGES.astype("int64")))
    assert source.images.dtype == "uint8"
    assert source.images.shape == (10, 2, 2, 1)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": IMAGES}, "no x_train or train_images, nor images; .* pictures"),
        ({"images": IMAGES[0]}, r"images must be .* received the shape \(2, 2\)"),
        ({"images": IMAGES[:0]}, r"received the shape \(0, 2, 2\)"),
        ({"images": IMAGES.astype(str)}, "images must be integers or floats; received"),
        ({"images": IMAGES + 300.0}, r"must lie in \[0, 255\], .* from 300 to 309"),
        ({"images": IMAGES / 9 - 0.1}, r"must lie in \[0, 255\], .* from -0.1 to 0.9"),
        ({"images": IMAGES * np.nan}, "values from nan to nan"),
        ({"images": IMAGES.astype(object)}, "images holds Python objects, which are"),
        (
            {"images": IMAGES, "labels": GRAYS[:4]},
            r"labels must be 10 integers, one an image; received uint8 .*\(4,\)",
        ),
        ({"images": IMAGES, "labels": GRAYS / 2}, "10 integers.* received float64"),
    ],
)
def test_other_arrays_are_errors(tmp_path, arrays, message):
    with pytest.raises(InputError, match=message):
        load_source(saved(tmp_path, **arrays))


@pytest.mark.parametrize("name", ["single.npy", "text.npz", "missing.npz"])
def test_other_files_are_errors(tmp_path, name):
    np.save(tmp_path / "single.npy", IMAGES)
    (tmp_path / "text.npz").write_text("text")
    with pytest.raises(InputError, match=f"{name} must be a file that np.savez wrote"):
        load_source(f"npz:{tmp_path / name}")


def test_file_must_be_named():
    with pytest.raises(InputError, match="must say which, as in npz:"):
        load_source("npz:")
