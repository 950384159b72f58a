"""What goes wrong in the middle of real runs: they tell, go on, or stop and say why."""

import csv
import functools
import re

import numpy as np
import pytest
import tensorflow as tf

import keras_mae
from training import finetune, pretrain
from training.checkpoint import checkpoints
from training.data import load_source

from .test_data_tfds import TinyShades
from .test_data_tfrecord import image, shades

streamed = functools.partial(load_source, memory_limit=1)
PROGRAMS = {
    "pretrain": (pretrain, ["--recipe", "demo"], ["image_size=28", "picture_every=9"]),
    "finetune": (finetune, ["--recipe", "finetune_demo"], ["patch_size=7"]),
}


def run(program, data, workdir, *settings, options=()):
    module, recipe, own = PROGRAMS[program]
    line = [*recipe, "--data", data, "--workdir", str(workdir), "--tiny", *options]
    own = [*own, "depth=1", "compute=auto", "steps_per_epoch=4"]
    return module.main([*line, "--set", *own, *settings])


def figures(workdir, name):
    with (workdir / "logs" / "epochs.csv").open() as file:
        return [float(row[name]) for row in csv.DictReader(file)]


def spoil(monkeypatch, program, bad_steps):
    """Makes images of some steps, counted over all epochs, too bright to embed."""
    module = PROGRAMS[program][0]
    fit = module.fit

    def spoiled_fit(model, batches, config, workdir, steps, *args, **kwargs):
        def brighten(step, *batch):
            images, *labels = batch[0] if isinstance(batch[0], tuple) else batch
            bad = tf.reduce_any(step == bad_steps)
            images = tf.where(bad, 3.3e38, images)
            return (images, *labels) if labels else images

        def spoiled(first_epoch, first_step=0):
            dataset = batches(first_epoch, first_step)
            return dataset.enumerate(first_epoch * steps + first_step).map(brighten)

        return fit(model, spoiled, config, workdir, steps, *args, **kwargs)

    monkeypatch.setattr(module, "fit", spoiled_fit)


@pytest.mark.parametrize(
    ("program", "settings"),
    [
        pytest.param("pretrain", [], marks=pytest.mark.slow),
        ("pretrain", ["accumulation_steps=2"]),
        pytest.param(
            "finetune", ["accumulation_steps=4", "ema=0.5"], marks=pytest.mark.slow
        ),
    ],
)
def test_a_bad_step_is_left_out_counted_and_its_first_layer_named(
    stripes, tmp_path, monkeypatch, capsys, program, settings
):
    spoil(monkeypatch, program, [1, 5, 6])
    results = run(program, f"folder:{stripes}", tmp_path, *settings)
    assert figures(tmp_path, "skipped_steps") == [1, 2]
    assert results["skipped_steps"] == 2
    assert np.isfinite([*figures(tmp_path, "loss"), results["loss"]]).all()
    told = re.findall("^left out .*", capsys.readouterr().err, re.M)
    places = [line.partition(": it began in the layer ") for line in told]
    assert [place for place, _, _ in places] == [
        "left out step 2 of epoch 1",
        "left out step 2 of epoch 2",
    ]
    assert all("patch_embed" in layer for _, _, layer in places)


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_after_bad_steps_in_a_row_a_run_goes_back_and_ends(
    stripes, tmp_path, monkeypatch, capsys, program
):
    spoil(monkeypatch, program, [4, 5])
    run(program, f"folder:{stripes}", tmp_path, "skip_limit=2")
    assert re.search(
        r"2 steps in a row were not finite, the last step 2 of epoch 2: it began in "
        r"the layer .*patch_embed.*\. Going back to .*epoch_00001",
        capsys.readouterr().err,
    )
    assert figures(tmp_path, "skipped_steps") == [0, 2]
    model = keras_mae.load(tmp_path / "model.keras")
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.parametrize(
    "program", ["pretrain", pytest.param("finetune", marks=pytest.mark.slow)]
)
def test_a_run_that_fails_again_stops_with_one_line(
    stripes, tmp_path, monkeypatch, capsys, program
):
    spoil(monkeypatch, program, [4, 5, 6, 7])
    with pytest.raises(SystemExit, match="1"):
        run(program, f"folder:{stripes}", tmp_path, "skip_limit=2")
    (line,) = re.findall("^error: .*", capsys.readouterr().err, re.M)
    assert "last step 4 of epoch 2" in line
    assert "It came again after going back to" in line
    assert [saved.epoch for saved in checkpoints(tmp_path)] == [1]
    assert not (tmp_path / "model.keras").exists()


def broken_folder(folder, monkeypatch):
    """Images of which one breaks once the folder has been looked through."""
    names = [f"{number}.png" for number in range(12)]
    for number, name in enumerate(names):
        (folder / name).write_bytes(image(20 * number))

    def open_and_break(*args, **kwargs):
        source = streamed(*args, **kwargs)
        (folder / names[5]).write_bytes(b"half an image")
        return source

    monkeypatch.setattr(pretrain, "load_source", open_and_break)
    return f"folder:{folder}", names[5]


def broken_tfrecord(folder, monkeypatch):
    data = shades(folder, range(12), files=1)
    rewrite(folder / "train-00000-of-00001", image(5))
    return data, "record 5 of train-00000-of-00001"


def broken_tfds(folder, monkeypatch):
    TinyShades(data_dir=folder).download_and_prepare()
    (path,) = folder.glob("tiny_shades/*/*train*tfrecord*")
    records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    example = tf.train.Example.FromString(records[5])
    rewrite(path, example.features.feature["image"].bytes_list.value[0])
    return "tfds:tiny_shades", f"record 5 of {path.name}"


def rewrite(path, encoded):
    """Breaks the one record of a file that holds an image."""
    records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record.replace(encoded, b"x" * len(encoded)))


@pytest.mark.parametrize(
    "break_one",
    [
        broken_tfrecord,
        pytest.param(broken_folder, marks=pytest.mark.slow),
        pytest.param(broken_tfds, marks=pytest.mark.slow),
    ],
)
def test_an_image_that_breaks_in_the_middle_is_left_out_counted_and_listed(
    tmp_path, monkeypatch, break_one
):
    images, workdir = tmp_path / "images", tmp_path / "run"
    images.mkdir()
    monkeypatch.setattr(pretrain, "load_source", streamed)
    data, name = break_one(images, monkeypatch)
    options = ("--data_dir", str(images))
    results = run("pretrain", data, workdir, "batch_size=4", options=options)
    assert results["skipped_images"] == 1
    assert (workdir / "unreadable.txt").read_text() == f"{name}\n"
    assert np.isfinite(figures(workdir, "loss")).all()
    assert len(figures(workdir, "loss")) == 2
