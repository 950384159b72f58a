"""Times pre-training beside a ceiling: `python -m training.benchmark --help`."""

import json
import platform
import resource
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

from keras_mae.program import InputError, checking_input, one_line_errors

from .command_line import (
    add_data_arguments,
    add_set_argument,
    apply_settings,
    program_parser,
)
from .config import PretrainConfig
from .flops import step_flops
from .input_benchmark import input_benchmark
from .plain_keras import PlainAutoencoder
from .pretrain import build_model, compile_model
from .recipes import get_recipe, list_recipes

SIDE = 2048  # of the square matrices whose product is the ceiling
WARM_UP = 3  # calls that compile and fill caches


class Ceiling:
    """The operations per second of one large matrix product in a graph.

    Args:
        dtype: `"float32"` or `"bfloat16"`.
    """

    def __init__(self, dtype):
        self.matrix = tf.cast(tf.random.normal((SIDE, SIDE)), dtype)
        self.product = tf.function(lambda x: tf.matmul(x, x))
        self.measure()

    def measure(self):
        """Returns the median rate of a few products."""
        times = []
        for _ in range(WARM_UP):
            began = time.perf_counter()
            self.product(self.matrix)[0, 0].numpy()
            times.append(time.perf_counter() - began)
        return 2 * SIDE**3 / statistics.median(times)


class StepTimes(keras.callbacks.Callback):
    """Records the seconds that a step of `fit` takes, and the ceiling after each.

    Machines get slower and faster within minutes: a step is compared with the
    ceiling of the same second.

    Args:
        ceiling: A `Ceiling`.
    """

    def __init__(self, ceiling):
        super().__init__()
        self.ceiling = ceiling

    def on_train_begin(self, logs=None):
        self.seconds, self.ceilings, self.calls = [], [], 0

    def on_train_batch_begin(self, batch, logs=None):
        self.first, self.began = batch, time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.calls += 1
        if self.calls > WARM_UP:
            steps = batch - self.first + 1  # several with steps_per_execution
            self.seconds.append((time.perf_counter() - self.began) / steps)
            self.ceilings.append(self.ceiling.measure())


def benchmark(config, steps, plain=False):
    """Measures steps of plain `fit`, each followed by a measurement of the ceiling.

    Args:
        config: A `PretrainConfig`.
        steps: Integer, timings that count.
        plain: Boolean. Whether the same model of stock Keras layers is timed too.

    Returns:
        A dictionary: images per second (median, lowest and highest of all steps),
        operations per second, and their share of the ceiling (median of the steps').
    """
    keras.utils.set_random_seed(config.seed)
    with checking_input():
        model = build_model(config)
    compile_model(model, config, steps)
    flops = step_flops(model)
    images = random_images(model.encoder, config.batch_size)
    results = {
        **_description(config, model),
        **_rates(config, flops, time_steps(model, images, config, steps)),
        "peak_memory_gb": round(peak_memory() / 1e9, 2),
        "machine": f"{platform.machine()}, {_devices()}",
    }
    if plain:
        twin = PlainAutoencoder(model)
        twin.compile(keras.optimizers.AdamW(1e-4), jit_compile=config.xla)
        times = time_steps(twin, images, config, steps)
        results["plain_keras"] = _rates(config, flops, times)
    return results


def time_steps(model, batch, config, steps):
    """Fits a compiled model on one batch, again and again; returns its `StepTimes`.

    Args:
        model: A compiled model.
        batch: Images, or `(images, labels)`.
        config: A `RunConfig`.
        steps: Integer, timings that count.
    """
    times = StepTimes(Ceiling(config.precision.removeprefix("mixed_")))
    model.fit(
        tf.data.Dataset.from_tensors(batch).repeat(),
        steps_per_epoch=(WARM_UP + steps) * config.steps_per_execution,
        callbacks=[times],
        shuffle=False,
        verbose=0,
    )
    return times


def random_images(encoder, batch_size):
    """Returns float32 noise of the images' shape, a batch."""
    size = (batch_size, *encoder.image_size, encoder.num_channels)
    return np.random.default_rng(0).normal(size=size).astype("float32")


def _description(config, model):
    return {
        "program": "benchmark",
        "preset": config.preset,
        "image_size": model.encoder.image_size,
        "patch_size": model.encoder.patch_size,
        "batch_size": config.batch_size,
        "precision": config.precision,
        "xla": config.xla,
        "gflop_per_image": round(step_flops(model) / 1e9, 3),
    }


def _rates(config, flops_per_image, times):
    rates = [config.batch_size / value for value in times.seconds]
    flops = [flops_per_image * rate for rate in rates]
    shares = [a / b for a, b in zip(flops, times.ceilings, strict=True)]
    return {
        "steps": len(rates),
        "images_per_second": round(statistics.median(rates), 2),
        "slowest": round(min(rates), 2),
        "fastest": round(max(rates), 2),
        "gflops_per_second": round(statistics.median(flops) / 1e9, 1),
        "ceiling_gflops_per_second": round(statistics.median(times.ceilings) / 1e9, 1),
        "share_of_ceiling": round(statistics.median(shares), 3),
        "lowest_share": round(min(shares), 3),
        "highest_share": round(max(shares), 3),
    }


def peak_memory():
    """Returns the most bytes that this process has held at once."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux: kilobytes


def _devices():
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return f"{len(tf.config.list_logical_devices('CPU'))} CPU device"
    return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")


def _show(results):
    for name in (
        "images_per_second",
        "gflops_per_second",
        "ceiling_gflops_per_second",
        "share_of_ceiling",
        "pil_images_per_second",
        "times_pil",
    ):
        if name in results:
            print(f"{name:26} {results[name]:10}")


def _arguments(argv):
    parser = program_parser(
        "Times pre-training steps of plain fit on random images, after a warm-up, "
        "and compares them with the fastest matrix product of this machine.",
        [
            "python -m training.benchmark --set batch_size=16",
            "python -m training.benchmark --recipe cifar10_vit_tiny --plain",
            "python -m training.benchmark --set batch_size=16 precision=mixed_bfloat16",
            "python -m training.benchmark --input --data folder:DIR",
        ],
        PretrainConfig(),
    )
    parser.add_argument(
        "--recipe",
        help="default: ViT-B/16; or one of: " + ", ".join(list_recipes(PretrainConfig)),
    )
    parser.add_argument("--steps", type=int, default=10, help="timings that count")
    parser.add_argument(
        "--plain",
        action="store_true",
        help="also time the same model of stock Keras layers, right after",
    )
    parser.add_argument(
        "--input",
        action="store_true",
        help="time the input of --data instead, beside PIL in one process",
    )
    add_data_arguments(parser, default="photos")
    add_set_argument(parser)
    return parser.parse_args(argv)


def main(argv=None):
    """Runs the program; returns its results."""
    arguments = _arguments(argv)
    with one_line_errors():
        if arguments.steps < 1:
            raise InputError(f"--steps must be at least 1; received {arguments.steps}")
        config = PretrainConfig()
        if arguments.recipe:
            config = get_recipe(arguments.recipe, PretrainConfig)
        config = apply_settings(config, arguments.set)
        if arguments.plain and config.system != "mae":
            raise InputError(
                "--plain times a masked autoencoder of stock Keras layers: it needs "
                f"system=mae; received system={config.system}"
            )
        if arguments.input:
            data, size = arguments.data, config.image_size or 224
            results = input_benchmark(data, arguments.steps, size, arguments.data_dir)
        else:
            results = benchmark(config, arguments.steps, arguments.plain)
    _show(results)
    if "plain_keras" in results:
        print("stock Keras layers:")
        _show(results["plain_keras"])
    print(json.dumps(results))
    return results


if __name__ == "__main__":
    main()
