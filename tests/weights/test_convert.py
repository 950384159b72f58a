import json
import re
import subprocess
import sys

import numpy as np
import pytest

import keras_mae
from keras_mae import cli
from keras_mae.weights import convert
from keras_mae.weights.pth import read_pth
from keras_mae.weights.safetensors import read_safetensors

from ..parity.golden import FOLDER
from .models import autoencoder, encoder, images_for

HEADS = ["--set", "num_heads=4", "decoder_num_heads=4"]
MAE = str(FOLDER / "mae.pth")


def run(source, destination, *options):
    return convert.main([str(source), str(destination), *options])


def test_the_report_is_printed_and_json_comes_last(tmp_path, capsys):
    results = run(MAE, tmp_path / "a.safetensors", *HEADS)
    out = capsys.readouterr().out
    assert json.loads(out.splitlines()[-1]) == results
    assert "encoder and decoder, 128,992 values" in out
    bars = [line for line in re.split("[\r\n]", out) if "74/74" in line]
    assert len(bars) == 2  # reading and writing
    assert results["format"] == "safetensors"
    assert results["bytes"] == (tmp_path / "a.safetensors").stat().st_size


def test_a_file_goes_through_all_formats(tmp_path):
    run(MAE, tmp_path / "a.keras", *HEADS)
    run(tmp_path / "a.keras", tmp_path / "hf")
    run(tmp_path / "hf", tmp_path / "b.safetensors")
    received = read_safetensors(tmp_path / "b.safetensors")[0]
    for name, array in read_pth(FOLDER / "mae.pth")[1].items():
        np.testing.assert_array_equal(received[name], array)


def test_the_command_runs_it(tmp_path, capsys):
    encoder().save(tmp_path / "a.keras")
    cli.main(["convert", str(tmp_path / "a.keras"), str(tmp_path / "hf")])
    text = capsys.readouterr().out
    assert "a.keras: a ViTEncoder saved by Keras" in text
    assert f"wrote {tmp_path / 'hf'}: ViTEncoder, " in text


def test_arguments_and_a_missing_decoder(tmp_path):
    path = keras_mae.save(encoder(), tmp_path / "a.safetensors")
    sizes = ["decoder_embed_dim=8", "decoder_depth=1", "decoder_num_heads=2"]
    options = ["--allow_missing_decoder", "--set", *sizes, "norm_pix_loss=true"]
    run(path, tmp_path / "b.keras", *options)
    model = keras_mae.load(tmp_path / "b.keras")
    assert (model.decoder.embed_dim, model.norm_pix_loss) == (8, True)


def test_help_teaches(capsys):
    with pytest.raises(SystemExit, match="0"):
        convert.main(["--help"])
    text = capsys.readouterr().out
    assert "keras-mae convert mae_pretrain_vit_base.pth encoder.keras" in text
    assert "num_heads" in text


@pytest.mark.parametrize(
    ("source", "destination", "options", "match"),
    [
        ("absent.pth", "a.keras", [], "no model file absent.pth"),
        (MAE, "a.keras", [], "give `num_heads=` and `decoder_num_heads=`"),
        (MAE, "a.pth", HEADS, ".pth is not written"),
        (MAE, "a.keras", ["--set", "num_head=4"], "did you mean num_heads"),
        (MAE, "a.keras", ["--set", "num_heads=5", HEADS[2]], "a multiple of"),
        (MAE, "hf", [*HEADS, "image_size=32,64"], "take square images"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    tmp_path, capsys, source, destination, options, match
):
    with pytest.raises(SystemExit, match="2"):
        run(source, tmp_path / "new" / destination, *options)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert match in line
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken_is_refused_before_anything_is_read(tmp_path, capsys):
    (tmp_path / "a.keras").write_text("old")
    with pytest.raises(SystemExit, match="2"):
        run("absent.pth", tmp_path / "a.keras")
    assert "exists; nothing is overwritten" in capsys.readouterr().err
    assert (tmp_path / "a.keras").read_text() == "old"


def test_a_file_is_replaced_on_demand(tmp_path):
    path = keras_mae.save(autoencoder(), tmp_path / "a.safetensors")
    model = autoencoder(mask_ratio=0.5)
    model.save(tmp_path / "b.keras")
    run(tmp_path / "b.keras", path, "--overwrite")
    assert keras_mae.load(path).mask_ratio == 0.5


# `resource` would count this process, too, which starts it and may be the larger one.
CONVERT = """
import sys
from keras_mae.weights.convert import main
from training.benchmark.worker import peak_memory
main(sys.argv[1:])
print(peak_memory())
"""


def peak_bytes(*arguments):
    """Returns the peak memory of a conversion in a process of its own."""
    command = [sys.executable, "-c", CONVERT, *map(str, arguments)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return int(printed.split()[-1])


@pytest.mark.slow
def test_peak_memory_stays_below_twice_the_file_and_a_gigabyte(tmp_path):
    model = autoencoder(embed_dim=1024, num_heads=8, depth=12)
    path = keras_mae.save(model, tmp_path / "a.keras")
    limit = 2 * path.stat().st_size + 1e9
    for name in ("b.safetensors", "hf", "c.keras"):
        assert peak_bytes(path, tmp_path / name) < limit
        path = tmp_path / name
    images = images_for(model)
    pred = keras_mae.load(path)(images)["pred"]
    np.testing.assert_array_equal(pred, model(images)["pred"])
