import json

import pytest

from export import latency
from export.latency import measure_latency
from export.saved_model import write_saved_model
from keras_mae.program import InputError


def test_every_batch_size_is_timed_on_every_round(onnx_file, capsys):
    sizes = ["--batch_size", "1", "4", "--threads", "1", "--rounds", "2"]
    latency.main([str(onnx_file), *sizes])
    lines = capsys.readouterr().out.splitlines()
    results = json.loads(lines[-1])["results"]
    assert [(row["threads"], row["batch_size"]) for row in results] == [(1, 1), (1, 4)]
    for row, line in zip(results, lines[:-1], strict=True):
        low, high = sorted(row["latency_ms"])
        assert 0 < low <= row["median_ms"] <= high
        assert line.endswith(f"{low:.1f} to {high:.1f} ms")


def test_saved_models_are_timed_by_their_float_signature(saved_model):
    (milliseconds,) = measure_latency(saved_model, [2])
    assert milliseconds > 0


def test_artifact_that_needs_masks_is_refused(autoencoder, tmp_path):
    path = write_saved_model(autoencoder, tmp_path / "mae", names=["reconstruct"])
    with pytest.raises(InputError, match="no signature that takes images alone"):
        measure_latency(path)


def test_numbers_below_one_are_one_line(onnx_file, capsys):
    with pytest.raises(SystemExit) as exit_info:
        latency.main([str(onnx_file), "--rounds", "0"])
    assert exit_info.value.code == 2
    assert "--rounds must be at least 1. Received: 0" in capsys.readouterr().err
