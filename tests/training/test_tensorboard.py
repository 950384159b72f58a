"""The TensorBoard server shows what runs wrote: it is started, and asked over HTTP."""

import csv
import json
import re
import subprocess
import sys
import urllib.parse
import urllib.request

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from training import finetune, pretrain
from training.tensorboard_logs import EpochScalars

RATES = {"slow": 0.001, "fast": 0.1}
SERVER = [
    *(sys.executable, "-m", "tensorboard.main", "--host", "127.0.0.1", "--port", "0"),
    # All is read before it serves.
    *("--load_fast", "false", "--reload_interval", "0", "--reload_task", "blocking"),
]
TINY = ["--tiny", "--set", "compute=auto"]


@pytest.fixture(scope="module")
def runs(stripes, tmp_path_factory):
    """Two runs of pre-training, and one of fine-tuning from the first of them."""
    folder = tmp_path_factory.mktemp("runs")
    data = ["--data", f"folder:{stripes}"]
    for name, rate in RATES.items():
        line = ["--recipe", "demo", *data, "--workdir", str(folder / name), *TINY]
        settings = ["depth=1", "image_size=28", f"base_learning_rate={rate}"]
        pretrain.main([*line, *settings, "probe_every=1"])
    line = ["--recipe", "finetune_demo", *data, "--workdir", str(folder / "tuned")]
    finetune.main([*line, "--model", str(folder / "slow" / "model.keras"), *TINY])
    return folder


@pytest.fixture(scope="module")
def ask(runs):
    """Returns a function that asks the server that shows the runs."""
    process = subprocess.Popen(
        [*SERVER, "--logdir", str(runs)], stderr=subprocess.PIPE, text=True
    )
    said = []
    for line in process.stderr:
        said.append(line)
        if found := re.search(r"at (http://\S+)", line):
            break
    else:
        pytest.fail("".join(said))

    def ask(route, content=None, **query):
        url = f"{found[1]}data/{route}?{urllib.parse.urlencode(query)}"
        content = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(url, content)
        if content:
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    yield ask
    process.terminate()
    process.communicate()


def scalars(ask, run):
    """Returns the figures of a run: by name and epoch, counted from 0."""
    shown = {}
    for tag in json.loads(ask("plugin/scalars/tags"))[run]:
        answer = json.loads(ask("plugin/scalars/scalars", run=run, tag=tag))
        shown[tag] = {step: value for _, step, value in answer}
    return shown


def table(workdir):
    """Returns the figures of the CSV file in the same way."""
    with (workdir / "logs" / "epochs.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {
        name: {int(row["epoch"]) - 1: float(row[name]) for row in rows if row[name]}
        for name in rows[0]
        if name != "epoch"
    }


def test_figures_are_on_disk_as_an_epoch_ends(tmp_path):
    scalars = EpochScalars(tmp_path)
    scalars.on_train_begin()
    scalars.on_epoch_end(3, {"loss": 0.5, "val_loss": 0.25})
    for split, value in {"train": 0.5, "validation": 0.25}.items():
        events = EventAccumulator(str(tmp_path / split)).Reload()
        (event,) = events.Tensors("epoch_loss")
        assert event.step == 3
        assert tf.make_ndarray(event.tensor_proto) == value
    scalars.on_train_end()


def test_scalars_of_pretraining_are_those_of_the_table(runs, ask):
    shown, expected = scalars(ask, "fast/logs/train"), table(runs / "fast")
    names = {"loss", "learning_rate", "gradient_norm", "images_per_second"}
    names |= {"input_wait", "skipped_steps", "knn_accuracy_k20"}
    assert names <= expected.keys()
    for name, values in expected.items():
        assert shown[f"epoch_{name}"] == pytest.approx(values), name


def test_scalars_of_finetuning_are_those_of_the_table(runs, ask):
    train = scalars(ask, "tuned/logs/train")
    held_out = scalars(ask, "tuned/logs/validation")
    expected = table(runs / "tuned")
    assert {"loss", "gradient_norm", "skipped_steps", "val_top1"} <= expected.keys()
    for name, values in expected.items():
        shown = held_out if name.startswith("val_") else train
        name = name.removeprefix("val_")
        assert shown[f"epoch_{name}"] == pytest.approx(values), name


def test_pictures_of_reconstructions_are_shown(ask):
    run, tag = "fast/logs/pictures", "reconstructions"
    assert list(json.loads(ask("plugin/images/tags"))[run]) == [tag]
    images = json.loads(ask("plugin/images/images", run=run, tag=tag, sample=0))
    assert [image["step"] for image in images] == [0, 1]
    query = dict(urllib.parse.parse_qsl(images[-1]["query"]))
    picture = tf.io.decode_png(ask("plugin/images/individualImage", **query))
    assert picture.shape[2] == 3
    assert min(picture.shape[:2]) > 28


def test_recipes_can_be_read(runs, ask):
    (text,) = json.loads(ask("plugin/text/text", run="fast/logs", tag="recipe"))
    assert "<td>base_learning_rate</td>\n<td><code>0.1</code></td>" in text["text"]
    settings = json.loads((runs / "fast" / "config.json").read_text())
    assert text["text"].count("<tr>") == 1 + len(settings)


def test_runs_are_compared_by_their_settings(runs, ask):
    experiment = json.loads(ask("plugin/hparams/experiment", {}))
    differing = [info["name"] for info in experiment["hparamInfos"] if info["differs"]]
    assert "base_learning_rate" in differing
    request = {"startIndex": 0, "sliceSize": 9, "allowedStatuses": ["STATUS_UNKNOWN"]}
    answer = json.loads(ask("plugin/hparams/session_groups", request))
    groups = {group["sessions"][0]["name"]: group for group in answer["sessionGroups"]}
    assert groups.keys() == {"slow/logs", "fast/logs", "tuned/logs"}
    for name, rate in RATES.items():
        group = groups[f"{name}/logs"]
        assert group["hparams"]["base_learning_rate"] == rate
        assert group["hparams"]["crop_scale"] == "[1.0, 1.0]"
        (loss,) = (
            figure["value"]
            for figure in group["metricValues"]
            if figure["name"] == {"group": "train", "tag": "epoch_loss"}
        )
        assert loss == pytest.approx(table(runs / name)["loss"][1])
