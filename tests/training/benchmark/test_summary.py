"""Medians over rounds, ratios and shares round by round, and their table."""

from types import SimpleNamespace

import pytest

from training.benchmark.summary import Work, summarise
from training.benchmark.table import markdown


def worker(name):
    return SimpleNamespace(
        contestant=SimpleNamespace(name=name), description={"versions": {"of": name}}
    )


def turn(*milliseconds):
    return {"seconds": [ms / 1000 for ms in milliseconds], "peak_memory": 2_000_000_000}


def ceiling(flops):
    return {"flops": flops, "peak_memory": 1_000_000_000}


@pytest.fixture
def contestants():
    """Ours does 4 images in 10, 20 and 40 ms, the peer in twice, 3 and 1 times that."""
    rounds = [
        [turn(10, 10, 99), turn(20), ceiling(4000)],
        [turn(20, 1, 99), turn(60), ceiling(4000)],
        [turn(40, 40, 40), turn(40), ceiling(2000)],
    ]
    workers = [worker(name) for name in ("ours", "peer", "ceiling")]
    return summarise(workers, rounds, [Work(4, 5.0), Work(4, None)])


def test_rates_are_of_the_median_step(contestants):
    rate = contestants[0]["images_per_second"]
    assert rate == {"median": 200, "lowest": 100, "highest": 400}
    assert contestants[0]["milliseconds"]["median"] == 20


def test_ratios_are_of_the_same_round(contestants):
    ours, peer, _ = contestants
    assert peer["ratio"] == {"median": 2, "lowest": 1, "highest": 3}
    assert "ratio" not in ours


def test_shares_are_of_the_same_rounds_ceiling(contestants):
    ours, peer, fastest = contestants
    # 5 operations of 400, 200 and 100 images a second.
    assert ours["share_of_ceiling"] == {"median": 0.25, "lowest": 0.25, "highest": 0.5}
    assert "share_of_ceiling" not in peer  # its operations are not known
    assert fastest["gflops_per_second"]["highest"] == 4e-6


def test_another_contestant_may_be_the_measure():
    workers = [worker(name) for name in ("a", "b", "ceiling")]
    rounds = [[turn(10), turn(20), ceiling(1)]]
    a, b, _ = summarise(workers, rounds, [Work(1, 1.0)] * 2, reference="b")
    assert a["ratio"]["median"] == 0.5
    assert "ratio" not in b


def test_tables_show_all_of_it(contestants):
    results = {
        "task": "pretrain",
        "command": "python -m training.benchmark",
        "reference": "ours",
        "machine": {
            "device": "CPU",
            "processor": "Chip",
            "cores": 2,
            "memory_gb": 16.0,
            "load": 0.1,
        },
        "settings": {"image_size": [32, 32], "precision": "float32"},
        "rounds": 3,
        "steps": 1,
        "results": [{"threads": 2, "batch_size": 4, "contestants": contestants}],
    }
    lines = markdown(results).splitlines()
    assert lines[0] == "`python -m training.benchmark`"
    assert lines[2].startswith("Pre-training step of image size 32 x 32, precision")
    assert lines[4].startswith("| 2 threads, batch 4 | versions | images/s | ms |")
    assert lines[7] == (
        "| peer | of peer | **100** (66.7 to 200) | **40** (20 to 60) "
        "| **2**× (1 to 3) |  | 2.0 GB |"
    )
    assert lines[8].startswith("| ceiling | of ceiling | **4e-06** (2e-06 to 4e-06) GF")
