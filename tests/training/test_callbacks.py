import time

import keras
import numpy as np

from training.callbacks import Throughput


def test_throughput_leaves_the_first_step_out():
    throughput, logs = Throughput(batch_size=10), {}
    throughput.on_epoch_begin(0)
    time.sleep(0.5)
    throughput.on_train_batch_end(0)
    time.sleep(0.1)
    throughput.on_train_batch_end(1)
    throughput.on_epoch_end(0, logs)
    assert 50 < logs["images_per_second"] <= 100


def test_throughput_leaves_validation_out():
    throughput, logs = Throughput(batch_size=10), {}
    throughput.on_epoch_begin(0)
    throughput.on_train_batch_end(0)
    time.sleep(0.1)
    throughput.on_train_batch_end(1)
    throughput.on_test_begin()
    time.sleep(0.5)
    throughput.on_epoch_end(0, logs)
    assert 50 < logs["images_per_second"] <= 100


def test_throughput_counts_steps_of_one_execution(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(loss="mse", steps_per_execution=2)
    x, throughput = np.ones((8, 1)), Throughput(batch_size=1)
    history = model.fit(x, x, batch_size=1, callbacks=[throughput], verbose=0)
    assert history.history["images_per_second"][0] > 0
    assert throughput.steps == 8
