import contextlib

import pytest
import tensorflow as tf

from keras_mae.program import InputError
from training.distribution import strategy_scope


def test_one_device_needs_no_strategy():
    assert isinstance(strategy_scope("one", 3), contextlib.nullcontext)


def test_mirrored_takes_logical_cpus():
    with strategy_scope("mirrored", 4, replicas=2):
        assert tf.distribute.get_strategy().num_replicas_in_sync == 2


def test_a_batch_that_replicas_cannot_share_is_refused():
    with pytest.raises(InputError, match="received 5, try 4"):
        strategy_scope("mirrored", 5, replicas=2)


def test_more_devices_than_there_are_cannot_be_made_late():
    tf.constant(0)
    with pytest.raises(InputError, match="before TensorFlow is used"):
        strategy_scope("mirrored", 16, replicas=16)
