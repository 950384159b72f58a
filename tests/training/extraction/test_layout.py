import pytest

from keras_mae.program import InputError
from training.extraction.layout import Layout, share


def test_files_hold_ranges_of_examples(tmp_path):
    layout = Layout("npz", 4)
    names = [path.name for path in layout.paths(tmp_path, 9)]
    assert names == [f"part-0000{i}-of-00003.npz" for i in range(3)]
    ranges = [layout.examples(number, 9) for number in range(3)]
    assert ranges == [range(0, 4), range(4, 8), range(8, 9)]


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_workers_share_all_files(workers):
    shares = [share(5, (index, workers)) for index in range(workers)]
    assert [number for own in shares for number in own] == [0, 1, 2, 3, 4]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_impossible_settings_are_refused():
    with pytest.raises(InputError, match="unknown format 'parket'; did you mean parq"):
        Layout("parket")
    with pytest.raises(InputError, match="--rows_per_file is 1 or more. Received: 0"):
        Layout(rows_per_file=0)
    with pytest.raises(InputError, match="I from 0 to N - 1. Received: 2/2"):
        share(5, (2, 2))
