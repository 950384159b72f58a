import json

import numpy as np
import pytest
from PIL import Image

import keras_mae
from training import knn, linear_probe
from training.features import Features, random_encoder
from training.knn import KnnConfig, knn_accuracy
from training.linear_probe import ProbeConfig, probe_accuracy

CORNERS = np.float32([[5, 0], [0, 5], [-5, 0], [0, -5]])


def corners(n, seed):
    """Points around four corners, and which corner each is at."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, n)
    return CORNERS[labels] + rng.normal(size=(n, 2)).astype("float32"), labels


@pytest.fixture
def features():
    return Features(*corners(200, 0), *corners(100, 1))


def test_neighbours_find_corners(features):
    assert knn_accuracy(features, KnnConfig())["accuracy"] > 0.95


def test_nearest_neighbour_can_be_checked_by_hand():
    train = np.float32([[1, 0], [1, 0.1], [0, 1]])
    features = Features(train, np.array([0, 0, 1]), train[1:], np.array([0, 0]))
    assert knn_accuracy(features, KnnConfig(k=1)) == {"accuracy": 0.5}


def test_length_of_features_does_not_matter_to_neighbours(features):
    scaled = Features(
        1000 * features.train,
        features.train_labels,
        features.test,
        features.test_labels,
    )
    assert knn_accuracy(scaled, KnnConfig()) == knn_accuracy(features, KnnConfig())


def test_chunks_do_not_change_neighbours(features):
    small = knn_accuracy(features, KnnConfig(batch_size=7))
    assert small == knn_accuracy(features, KnnConfig(batch_size=1000))


def test_probe_finds_corners(features):
    assert probe_accuracy(features, ProbeConfig(epochs=20))["accuracy"] > 0.95


def test_probe_standardises_features(features):
    shifted = Features(
        features.train * 1e-3 + 7,
        features.train_labels,
        features.test * 1e-3 + 7,
        features.test_labels,
    )
    assert probe_accuracy(shifted, ProbeConfig(epochs=20))["accuracy"] > 0.95


def test_probe_has_no_affine_batch_norm():
    probe = linear_probe.linear_probe(4, 3)
    assert [w.path.split("/")[-1] for w in probe.trainable_weights] == [
        "kernel",
        "bias",
    ]


def test_random_encoder_has_other_weights():
    encoder = keras_mae.ViTEncoder(16, 8, embed_dim=16, depth=1, num_heads=2)
    other = random_encoder(encoder, seed=1)
    assert other.get_config() == encoder.get_config()
    assert np.any(other.cls_token.numpy() != encoder.cls_token.numpy())


@pytest.fixture(scope="module")
def bright_and_dark(tmp_path_factory):
    """A model file, and a folder of two classes that brightness tells apart."""
    folder = tmp_path_factory.mktemp("judged")
    rng = np.random.default_rng(0)
    for name, level in (("bright", 200), ("dark", 50)):
        (folder / "images" / name).mkdir(parents=True)
        for i in range(10):
            gray = rng.integers(level - 20, level + 20, (20, 20, 3)).astype("uint8")
            Image.fromarray(gray).save(folder / "images" / name / f"{i}.png")
    encoder = keras_mae.ViTEncoder(16, 8, embed_dim=16, depth=1, num_heads=2)
    encoder.save(folder / "encoder.keras")
    return folder


@pytest.mark.parametrize("program", [knn, linear_probe])
def test_programs_compare_with_random_encoder_and_pixels(bright_and_dark, program):
    folder = bright_and_dark
    output = folder / "results.json"
    line = ["--model", str(folder / "encoder.keras")]
    line += ["--data", f"folder:{folder / 'images'}", "--output", str(output)]
    results = program.main([*line, "--tiny"])
    assert json.loads(output.read_text()) == results
    assert (results["train_images"], results["test_images"]) == (16, 4)
    assert results["raw_pixels"]["accuracy"] == 1.0
    assert {"encoder", "random_encoder"} <= results.keys()


def test_fewer_images_can_be_judged(bright_and_dark):
    line = ["--model", str(bright_and_dark / "encoder.keras")]
    line += ["--data", f"folder:{bright_and_dark / 'images'}", "--no_baselines"]
    results = knn.main([*line, "--set", "max_images=3", "batch_size=2"])
    assert (results["train_images"], results["test_images"]) == (3, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "absent.keras", "--data", "demo"], "no model file absent.keras"),
        (["--data", "photos"], "no"),
        (["--data", "demo", "--set", "pooling=tokens"], "did you mean token"),
        (["--data", "demo", "--set", "neighbours=3"], "unknown --set key"),
    ],
)
def test_bad_input_ends_with_one_line(bright_and_dark, capsys, arguments, message):
    model = ["--model", str(bright_and_dark / "encoder.keras")]
    with pytest.raises(SystemExit, match="2"):
        knn.main([*model, *arguments])
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert len(error.splitlines()) == 1
