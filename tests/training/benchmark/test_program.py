"""The program: tasks, peers, output, and what it refuses."""

import ast
import json
import sys
from pathlib import Path

import pytest

import keras_mae
from training.benchmark import worker
from training.benchmark.__main__ import main
from training.benchmark.profile import profile_table
from training.benchmark.table import markdown
from training.flops import step_flops

TINY = ["--tiny", "--rounds", "1", "--steps", "1"]
SMALL = ["image_size=8", "patch_size=4", "num_channels=3", "batch_size=2", "depth=1"]


@pytest.mark.slow
def test_arithmetic_of_the_papers_base_model():
    model = keras_mae.MaskedAutoencoder.from_preset("mae_vit_base_patch16")
    assert step_flops(model) / 1e9 == pytest.approx(58, abs=0.5)


@pytest.mark.usefixtures("local")
def test_steps_are_timed_beside_peers_and_the_ceiling(capsys, tmp_path):
    file = tmp_path / "b.json"
    peers = ["--peers", "plain,mask_token", "--output", str(file)]
    results = main([*TINY, *peers, "--threads", "1", "1", "--set", *SMALL])
    printed = capsys.readouterr().out
    assert json.loads(printed.splitlines()[-1]) == results
    assert json.loads(file.read_text()) == results
    assert markdown(results) in printed
    assert [part["threads"] for part in results["results"]] == [1, 1]
    ours, plain, tokens, ceiling = results["results"][0]["contestants"]
    assert ours["images_per_second"]["median"] == 1000  # 2 in 2 ms
    assert ours["versions"]["keras_mae"] == keras_mae.__version__
    assert plain["ratio"]["median"] == 1
    assert list(plain["versions"]) == ["keras", "tensorflow"]
    # Mask tokens cost more operations, of which the share is.
    shares = [row["share_of_ceiling"]["median"] for row in (ours, plain, tokens)]
    assert shares[0] == shares[1] < shares[2]
    assert ceiling["gflops_per_second"]["median"] > 0


@pytest.mark.usefixtures("local")
def test_fine_tuning_is_timed_beside_stock_layers():
    results = main([*TINY, "--finetune", "--peers", "plain", "--set", *SMALL])
    assert results["task"] == "finetune"
    names = [row["name"] for row in results["results"][0]["contestants"]]
    assert names == ["keras_mae", "plain", "ceiling, float32"]


@pytest.mark.slow
@pytest.mark.parametrize("task", [[], ["--finetune"]])
def test_processes_of_their_own_are_measured(task):
    half = ["precision=mixed_bfloat16", "steps_per_execution=2"]
    words = [*TINY, *task, "--threads", "1", "--peers", "plain"]
    results = main([*words, "--set", *SMALL, *half])
    for row in results["results"][0]["contestants"]:
        assert row["peak_memory_gb"] > 0.1


@pytest.mark.slow
def test_a_profile_says_where_the_time_of_a_step_goes(capsys):
    results = main([*TINY, "--profile", "--set", *SMALL])
    kinds, step = results["kinds"], results["seconds"]
    assert sum(kind["seconds"] for kind in kinds.values()) == pytest.approx(step)
    # Of two blocks six products each, forward and backward.
    assert kinds["products of attention"]["operations"] == 2 * 6
    assert min(kinds["dense products"]["seconds"], kinds["compiled chains"]["seconds"])
    assert profile_table(results) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rounds", "0"], "--rounds must be at least 1; received 0"),
        (["--steps", "0"], "--steps must be at least 1; received 0"),
        (["--threads", "9999"], "--threads must be at most"),
        (["--threads", "1", "0"], "--threads must be at least 1; received 0"),
        (["--model", "m.keras"], "--model is of --inference"),
        (["--profile", "--peers", "plain"], "--profile is of training steps"),
        (["--profile", "--input"], "--profile is of training steps"),
        (["--peers_python", "hf_torch=/absent"], "there is no program '/absent'"),
        (["--peers_python", "/bin/python"], "unknown name of --peers_python"),
        (["--peers", "hf_troch"], "did you mean hf_torch"),
        (["--finetune", "--peers", "mask_token"], "unknown peer of finetune"),
        (["--peers", "plain", "--set", "system=simmim"], "--peers needs system=mae"),
        (["--output", "/absent/b.json"], "there is no folder /absent"),
        (["--recipe", "finetune_demo"], "is of the program finetune"),
    ],
)
def test_what_cannot_be_measured_is_one_line(words, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert message in capsys.readouterr().err


def test_peers_live_in_files_that_know_nothing_of_the_project():
    folder = Path(worker.__file__).parent
    packages = {"torch", "transformers", "tensorflow", "tf_keras"}
    for name in ("worker.py", "hf_torch.py", "hf_tensorflow.py"):
        nodes = list(ast.walk(ast.parse((folder / name).read_text())))
        found = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
        found = {name.partition(".")[0] for name in found}
        assert not [n for n in nodes if isinstance(n, ast.ImportFrom)]
        assert found <= {*sys.stdlib_module_names, *packages}
