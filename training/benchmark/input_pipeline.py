"""Times the input pipeline beside PIL: `python -m training.benchmark --input`."""

import dataclasses
import io
import os
import platform
import statistics
import time

import numpy as np
import tensorflow as tf

from keras_mae import Preprocessing
from keras_mae.program import InputError

from ..augmentation import example_seed, random_crop_window
from ..data import load_source, training_dataset

IMAGES = 1_000  # of one timing
BATCH_SIZE = 50


@dataclasses.dataclass
class Rates:
    """Images per second of some timings."""

    values: list = dataclasses.field(default_factory=list)

    def describe(self, name, digits):
        """Returns the median, the slowest and the fastest for the results."""
        return {
            name: round(statistics.median(self.values), digits),
            f"{name}_slowest": round(min(self.values), digits),
            f"{name}_fastest": round(max(self.values), digits),
        }


class PilPipeline:
    """What PIL and NumPy do to get the same batches in one process.

    Which window of which image, and whether it is flipped, is drawn beforehand and
    costs them nothing; so does reading the files.

    Args:
        source: `Source` of encoded images.
        preprocessing: `Preprocessing` of three channels.
        batch_size: Integer.
    """

    def __init__(self, source, preprocessing, batch_size):
        self.encoded = _encoded_images(source)
        self.windows = _windows(self.encoded)
        self.batch_size = batch_size
        self.size = preprocessing.image_size
        mean, std = np.float32([preprocessing.mean, preprocessing.std])
        columns = (self.size[1], 1)  # a row at once: three numbers at once are slow
        self.scale = np.tile(1 / 255 / std, columns)
        self.offset = np.tile(-mean / std, columns)

    def batches(self, count):
        """Yields `count` batches `(batch_size, height, width, 3)`, float32."""
        for first in range(0, count * self.batch_size, self.batch_size):
            batch = np.empty((self.batch_size, *self.size, 3), "float32")
            for row in range(self.batch_size):
                batch[row] = self.image((first + row) % len(self.encoded), row % 2)
            batch *= self.scale
            batch += self.offset
            yield batch

    def image(self, index, flip):
        """Returns uint8 pixels `(height, width, 3)`."""
        from PIL import Image

        top, left, height, width = self.windows[index]
        image = Image.open(io.BytesIO(self.encoded[index])).convert("RGB")
        image = image.crop((left, top, left + width, top + height))
        image = image.resize(self.size[::-1], Image.Resampling.BICUBIC)
        if flip:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return np.asarray(image)


def input_benchmark(data, rounds, image_size=224, data_dir=None):
    """Times decoding, random resized crop (bicubic), flip and normalisation.

    Every round times the training pipeline of this package on all cores, then PIL in
    one process on images of the same data.

    Args:
        data: Data spec, see `training.data.load_source`; JPEG or PNG images.
        rounds: Integer, how often.
        image_size: Integer or pair.
        data_dir: Where prepared TFDS data sets lie.

    Returns:
        A dictionary: images per second of both and their ratio, each the median of
        all rounds, the slowest and the fastest.

    Raises:
        InputError: Data that cannot be read, or that are not encoded images.
    """
    source = load_source(data, "train", data_dir)
    batch_size = min(BATCH_SIZE, source.num_examples)
    preprocessing = Preprocessing(image_size)
    pil = PilPipeline(source, preprocessing, batch_size)
    count = IMAGES // batch_size
    ours, pils, ratios = Rates(), Rates(), Rates()
    for _ in range(rounds):
        ours.values.append(_rate(_batches(source, preprocessing, batch_size), count))
        pils.values.append(_rate(pil.batches(count + 1), count))
        ratios.values.append(ours.values[-1] / pils.values[-1])
    return {
        "program": "benchmark",
        "data": data,
        "image_size": list(preprocessing.image_size),
        "rounds": rounds,
        "images_a_round": count * batch_size,
        **ours.describe("images_per_second", 1),
        **pils.describe("pil_images_per_second", 1),
        **ratios.describe("times_pil", 2),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def _batches(source, preprocessing, batch_size):
    dataset = training_dataset(source, preprocessing, batch_size, epochs=IMAGES)
    return iter(dataset)


def _rate(batches, count):
    """Returns images per second of `count` batches after the first."""
    next(batches)
    began = time.perf_counter()
    images = sum(len(next(batches)) for _ in range(count))
    return images / (time.perf_counter() - began)


def _encoded_images(source):
    examples = source.order().take(IMAGES).map(source.read)
    if examples.element_spec["image"].dtype != tf.string:
        raise InputError(
            f"{source.name} are pixels; timing input needs JPEG or PNG images"
        )
    return [example["image"] for example in examples.as_numpy_iterator()]


def _windows(encoded):
    from PIL import Image

    draw = tf.function(random_crop_window)
    windows = []
    for index, content in enumerate(encoded):
        width, height = map(tf.constant, Image.open(io.BytesIO(content)).size)
        windows.append(draw(height, width, example_seed(0, 0, index)).numpy().tolist())
    return windows
