import numpy as np
import pytest

from keras_mae.positive import check_positive


def test_positive_integers_of_any_kind_pass():
    check_positive(depth=1, num_heads=np.int64(3))


@pytest.mark.parametrize("count", [0, -1, 1.0, None, "2"])
def test_the_first_other_one_is_named(count):
    with pytest.raises(ValueError, match=f"Received: num_heads={count!r}"):
        check_positive(depth=1, num_heads=count, embed_dim=0)
