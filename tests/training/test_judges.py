import errno
import json
import os
import re

import numpy as np
import pytest
from PIL import Image

import keras_mae
from training import evaluate, few_shot, knn, linear_probe


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


@pytest.fixture
def line(bright_and_dark):
    folder = bright_and_dark
    line = ["--model", str(folder / "encoder.keras")]
    return [*line, "--data", f"folder:{folder / 'images'}"]


@pytest.mark.parametrize(
    ("program", "figure"),
    [
        (knn, "accuracy_k20"),
        pytest.param(linear_probe, "accuracy", marks=pytest.mark.slow),
        pytest.param(few_shot, "accuracy_1_shot", marks=pytest.mark.slow),
        (evaluate, "linear_probe_accuracy"),
    ],
)
def test_programs_compare_with_random_encoder_and_pixels(
    tmp_path, line, program, figure
):
    output = tmp_path / "results.json"
    results = program.main([*line, "--output", str(output), "--tiny"])
    assert json.loads(output.read_text()) == results
    assert (results["train_images"], results["test_images"]) == (16, 4)
    assert results["raw_pixels"][figure] == 1.0
    assert {"encoder", "random_encoder"} <= results.keys()


def test_a_candidate_is_told_of_before_the_next_one_is_computed(
    line, capsys, monkeypatch
):
    def killed(*args):
        raise MemoryError

    monkeypatch.setattr("training.judge.pixels", killed)
    with pytest.raises(MemoryError):
        knn.main(line)
    printed = capsys.readouterr().out
    figures = r"accuracy_k20 \d\.\d{4}, accuracy_k200 \d\.\d{4}\n"
    assert re.search(f"^encoder: {figures}random_encoder: {figures}", printed, re.M)


def test_candidates_stand_side_by_side_before_the_json_line(line, capsys):
    results = knn.main(line)
    *_, heading, k20, _, last = capsys.readouterr().out.splitlines()
    assert heading.split() == ["encoder", "random_encoder", "raw_pixels"]
    assert k20.split()[::3] == ["accuracy_k20", "1.0000"]
    assert json.loads(last) == results


def test_pixels_that_would_not_fit_are_left_out(line, capsys, monkeypatch):
    monkeypatch.setattr("training.judge.PIXELS_LIMIT", 20 * 16 * 16 * 3 * 4)
    assert "raw_pixels" in knn.main(line)
    monkeypatch.setattr("training.judge.PIXELS_LIMIT", 20 * 16 * 16 * 3 * 4 - 1)
    capsys.readouterr()
    assert "raw_pixels" not in knn.main(line)
    errors = capsys.readouterr().err
    assert re.search(
        r"^raw pixels are left out: they would take 0.0 GiB.*max_images=N", errors
    )
    assert "raw_pixels" in knn.main([*line, "--set", "max_images=9"])


def test_results_are_printed_before_they_are_written(
    line, capsys, monkeypatch, tmp_path
):
    def full_disk(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("training.judge.write_atomically", full_disk)
    with pytest.raises(SystemExit, match="1"):
        knn.main([*line, "--no_baselines", "--output", str(tmp_path / "r.json")])
    printed = capsys.readouterr()
    assert "accuracy_k20" in json.loads(printed.out.splitlines()[-1])["encoder"]
    assert printed.err.splitlines()[-1].startswith("error: a disk is full")


def test_labels_that_are_no_classes_are_refused(line, source, capsys, monkeypatch):
    splits = [source(12), source(6)]
    splits[1].labels -= 1
    monkeypatch.setattr("training.judge.load_splits", lambda *args: splits)
    with pytest.raises(SystemExit, match="2"):
        knn.main(line)
    assert "tiny has 2 images whose label is none of the 3" in capsys.readouterr().err


def test_fewer_images_can_be_judged(line):
    settings = ["--set", "max_images=3", "encode_batch_size=2"]
    results = knn.main([*line, "--no_baselines", *settings])
    assert (results["train_images"], results["test_images"]) == (3, 3)


def test_judges_of_one_program_say_what_each_says_alone(line):
    together = evaluate.main([*line, "--no_baselines"])["encoder"]
    for program in (knn, linear_probe, few_shot):
        alone = program.main([*line, "--no_baselines"])["encoder"]
        name = program.__name__.rpartition(".")[2]
        assert {f"{name}_{key}": value for key, value in alone.items()}.items() <= (
            together.items()
        )


def test_judges_can_be_chosen(line):
    results = evaluate.main([*line, "--no_baselines", "--set", "judges=knn"])
    assert list(results["encoder"]) == ["knn_accuracy_k20", "knn_accuracy_k200"]


@pytest.mark.slow
def test_two_replicas_judge_as_one_device(line):
    line += ["--set", "encode_batch_size=6", "k=1,3"]
    one = knn.main(line)
    two = knn.main([*line, "--strategy", "mirrored", "--replicas", "2"])
    assert two == one


def test_near_judges_are_named(line, capsys):
    with pytest.raises(SystemExit, match="2"):
        evaluate.main([*line, "--set", "judges=knn,few_shots"])
    assert "unknown judge 'few_shots'; did you mean few_shot" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "absent.keras", "--data", "demo"], "no model file absent.keras"),
        (["--data", "photos"], "photos has no labels to judge"),
        (["--data", "demo", "--set", "pooling=tokens"], "did you mean token"),
        (["--data", "demo", "--set", "neighbours=3"], "unknown --set key"),
        (["--data", "demo", "--set", "max_images=0"], "max_images must be at least 1"),
        (["--data", "demo", "--output", "."], "--output . is a folder"),
        (["--data", "demo", "--output", "/proc/r.json"], "cannot be written"),
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


@pytest.mark.parametrize(
    ("program", "setting", "message"),
    [
        (knn, "k=20,0", "k must be at least 1; received (20, 0)"),
        (knn, "temperature=0", "temperature must be above 0; received 0.0"),
        (knn, "query_batch_size=0", "query_batch_size must be at least 1"),
        (knn, "bank_batch_size=-1", "bank_batch_size must be at least 1; received -1"),
        (knn, "encode_batch_size=0", "encode_batch_size must be at least 1"),
        (knn, "seed=-1", "seed must be 0 to 4294967295; received -1"),
        (linear_probe, "batch_size=0", "batch_size must be at least 1; received 0"),
        (linear_probe, "epochs=0", "epochs must be at least 1; received 0"),
        (linear_probe, "warmup_epochs=-1", "warmup_epochs must be 0 to 90"),
        (linear_probe, "epochs=9", "warmup_epochs must be 0 to 9, the epochs"),
        (few_shot, "shots=5,0", "shots must be at least 1; received (5, 0)"),
        (few_shot, "draws=1", "draws must be at least 2"),
        (evaluate, "judges=few_shots", "unknown judge 'few_shots'"),
    ],
)
def test_settings_are_checked_before_anything_is_read(
    capsys, program, setting, message
):
    line = ["--model", "absent.keras", "--data", "absent", "--set", setting]
    with pytest.raises(SystemExit, match="2"):
        program.main(line)
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_help_names_all_that_is_judged(capsys):
    with pytest.raises(SystemExit, match="0"):
        knn.main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "a model with an encoder: .keras, .pth, .safetensors, a Hugging Face" in text
