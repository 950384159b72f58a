import pytest

import keras_mae
from training import benchmark
from training.flops import step_flops


@pytest.mark.slow
def test_arithmetic_of_the_papers_base_model():
    model = keras_mae.MaskedAutoencoder.from_preset("mae_vit_base_patch16")
    assert step_flops(model) / 1e9 == pytest.approx(58, abs=0.5)


def test_benchmark_measures_a_share_of_the_ceiling(monkeypatch):
    monkeypatch.setattr(benchmark, "SIDE", 256)
    settings = ["depth=1", "batch_size=4", "steps_per_execution=2"]
    results = benchmark.main(["--recipe", "demo", "--steps", "3", "--set", *settings])
    assert results["steps"] == 3
    assert results["slowest"] <= results["images_per_second"] <= results["fastest"]
    assert 0 < results["share_of_ceiling"] < 1


def test_steps_must_be_positive(capsys):
    with pytest.raises(SystemExit, match="2"):
        benchmark.main(["--steps", "0"])
    assert "--steps must be at least 1" in capsys.readouterr().err
