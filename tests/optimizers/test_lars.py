import keras
import numpy as np
import pytest

from keras_mae.optimizers import LARS


def step(value, gradient, **kwargs):
    """Returns a variable after one step with a learning rate of 1."""
    variable = keras.Variable(np.array(value, "float32"))
    LARS(1.0, **kwargs).apply([np.array(gradient, "float32")], [variable])
    return np.array(variable)


def test_steps_of_a_matrix_are_a_share_of_its_length():
    # |p| = 5 and |g| = 100: the step is .001 * 5 long, along the gradient.
    after = step([[3, 4]], [[100, 0]])
    np.testing.assert_allclose(after, [[3 - 0.005, 4]], rtol=1e-6)


def test_vectors_move_by_the_gradient():
    np.testing.assert_allclose(step([3, 4], [1, 0], weight_decay=0.5), [2, 4])


@pytest.mark.parametrize(
    ("value", "gradient", "after"),
    [([[0, 0]], [[1, 0]], [[-1, 0]]), ([[3, 4]], [[0, 0]], [[3, 4]])],
)
def test_a_matrix_of_zeros_moves_as_a_vector_and_no_gradient_moves_nothing(
    value, gradient, after
):
    np.testing.assert_array_equal(step(value, gradient), after)


def test_decay_is_part_of_the_gradient():
    # g + .5 * p = (1.5, 2), which is 2.5 long.
    after = step([[3, 4]], [[0, 0]], weight_decay=0.5)
    expected = np.array([[3, 4]]) * (1 - 0.001)
    np.testing.assert_allclose(after, expected, rtol=1e-6)


def test_what_keras_excludes_is_not_decayed():
    variable = keras.Variable(np.array([[3, 4]], "float32"))
    optimizer = LARS(1.0, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[variable])
    optimizer.apply([np.zeros((1, 2), "float32")], [variable])
    np.testing.assert_array_equal(variable, [[3, 4]])


def test_it_survives_its_configuration():
    optimizer = LARS(0.5, 0.1, momentum=0.8, trust_coefficient=0.01)
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer)
    )
    assert copy.get_config() == optimizer.get_config()


@pytest.mark.parametrize("momentum", [-0.1, 1])
def test_impossible_momenta_are_errors(momentum):
    with pytest.raises(ValueError, match=r"`momentum` must lie in \[0, 1\)"):
        LARS(momentum=momentum)


@pytest.mark.slow
def test_two_replicas_step_as_one_device(fit):
    one = fit(lambda model: LARS(1.0, 0.1))
    two = fit(lambda model: LARS(1.0, 0.1), "mirrored")
    for first, second in zip(one, two, strict=True):
        np.testing.assert_allclose(second, first, atol=1e-6)


def test_half_precision_steps_nearly_as_single(fit):
    exact = fit(lambda model: LARS(1.0, 0.1))
    half = fit(lambda model: LARS(1.0, 0.1), dtype="mixed_float16")
    for first, second in zip(exact, half, strict=True):
        assert second.dtype == "float32"
        np.testing.assert_allclose(second, first, atol=0.02)
