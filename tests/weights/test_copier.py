import keras
import numpy as np
import pytest

from keras_mae.program import InputError
from keras_mae.weights.copier import copy
from keras_mae.weights.rows import Row


@pytest.fixture
def variables():
    """Two variables: `w` of shape (3, 2) and `b` of shape (2,)."""
    return [
        keras.Variable(np.zeros((3, 2), "float32"), name="w"),
        keras.Variable(np.zeros(2, "float32"), name="b"),
    ]


@pytest.fixture
def rows(variables):
    w, b = variables
    return [Row(w, ("q", "k"), np.transpose), Row(b, ("bias",), lambda bias: bias)]


def tensors(**changes):
    arrays = {"q": [[1, 2, 3]], "k": [[4, 5, 6]], "bias": [7, 8]}
    return {name: np.array(a, "float16") for name, a in {**arrays, **changes}.items()}


def test_tensors_are_joined_and_transformed(rows, variables):
    copy(rows, tensors(), variables, "a.pth")
    np.testing.assert_array_equal(variables[0], [[1, 4], [2, 5], [3, 6]])
    np.testing.assert_array_equal(variables[1], [7, 8])


def test_both_sides_are_listed_in_one_error(rows, variables):
    arrays = tensors(q=[[1, 2]], extra=[0])
    del arrays["bias"]
    with pytest.raises(InputError) as error:
        copy(rows, arrays, variables, "a.pth")
    assert str(error.value).startswith("a.pth does not fit the model")
    assert "in the file, but not in the model: extra" in str(error.value)
    assert "in the model, but not in the file: bias" in str(error.value)
    assert "of another shape: q (file (1, 2), (1, 3); the model's" in str(error.value)


def test_ignored_tensors_and_random_variables_are_no_error(rows, variables):
    arrays = tensors(extra=[0])
    copy(rows[:1], arrays, variables, "a.pth", ["extra", "bias"], variables[1:])


def test_a_variable_that_no_row_fills_is_an_error(rows, variables):
    with pytest.raises(InputError, match="nothing fills or two rows fill: b"):
        copy(rows[:1], tensors(), variables, "a.pth", ["bias"])


def test_nothing_is_used_or_filled_twice(rows, variables):
    with pytest.raises(InputError, match="more than once: bias; .*two rows fill: b"):
        copy([*rows, rows[1]], tensors(), variables, "a.pth")


def test_long_lists_are_cut(rows, variables):
    arrays = tensors(**{f"extra{i}": [0] for i in range(10)})
    with pytest.raises(InputError, match="extra7 and 2 more"):
        copy(rows, arrays, variables, "a.pth")
