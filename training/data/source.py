"""What every data set offers: numbered examples in the order of an epoch."""

import abc

import tensorflow as tf


class Source(abc.ABC):
    """A data set whose examples have numbers and an order for every epoch.

    An example is a dict: `index`, int64, the example's number, the same in
    every epoch and process; `image`, pixels `(height, width, channels)` in
    [0, 255], uint8 or float32, or a scalar string of JPEG, PNG or BMP bytes;
    `label`, int64, -1 = unknown.

    A pipeline over many epochs calls `order`, which is cheap, inside a
    `flat_map` over epochs, and `read`, which may be slow, in one parallel map
    after it, so that readers do not pause between epochs.

    Args:
        name: String for messages, such as `"tfds:cifar10 (train)"`.
        num_examples: Integer. Examples, without those known to be unreadable.
        class_names: List of strings, or `None` where there are no labels.
        skipped: List of strings. Unreadable examples that were left out.

    Attributes:
        may_fail: Boolean. Whether `read` may fail in the middle of a run: files
            change, and what was never read may be broken.
    """

    may_fail = False

    def __init__(self, name, num_examples, class_names=None, skipped=()):
        self.name = name
        self.num_examples = num_examples
        self.class_names = None if class_names is None else list(class_names)
        self.skipped = list(skipped)

    @property
    def num_found(self):
        """Examples, with those that cannot be read."""
        return self.num_examples + len(self.skipped)

    @property
    def num_classes(self):
        return None if self.class_names is None else len(self.class_names)

    @abc.abstractmethod
    def order(self, seed=0, epoch=None):
        """Returns a `tf.data.Dataset` of references, shuffled by (seed, epoch).

        A reference begins with the index of its example.

        Args:
            seed, epoch: Integers or integer scalar tensors. With `epoch=None`
                the examples come by ascending index.
        """

    def between(self, start, stop):
        """Returns the references of examples `start` to `stop - 1`, in order."""
        return self.order().skip(start).take(stop - start)

    @abc.abstractmethod
    def read(self, *reference):
        """Returns the example of one element of `order`, inside a `tf.data` map."""

    def name_of(self, index):
        """Returns what people call an example, such as the name of its file."""
        return f"example {index}"

    def skip(self, indices):
        """Adds unreadable examples, met in the middle of a run, to `skipped`."""
        for name in map(self.name_of, indices):
            if name not in self.skipped:
                self.skipped.append(name)

    def examples(self, seed=0, epoch=None):
        """Returns a `tf.data.Dataset` of examples, in the order of `order`."""
        return self.order(seed, epoch).map(
            self.read, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )


def num_images(source, max_images=None):
    """Returns how many images of a split are judged, of `max_images` at most."""
    return min(source.num_examples, max_images or source.num_examples)


class IndexedSource(Source):
    """Examples in memory, or behind file paths, that are read in any order.

    Args:
        name, class_names, skipped: As for `Source`.
        images: uint8 or float32 array `(n, height, width, channels)`, `n` encoded
            images (bytes), or `n` paths of files that hold one.
        labels: Integers `(n,)`, or `None`.
        are_paths: Boolean. `images` are paths.
        names: Optional list of strings, such as the files' names.
    """

    def __init__(
        self,
        name,
        images,
        labels=None,
        class_names=None,
        skipped=(),
        are_paths=False,
        names=None,
    ):
        super().__init__(name, len(images), class_names, skipped)
        with tf.device("CPU"):  # tf.data would copy from an accelerator every time
            self.images = tf.convert_to_tensor(images)
            self.labels = tf.cast(
                tf.fill([len(images)], -1) if labels is None else labels, tf.int64
            )
        self.are_paths = self.may_fail = are_paths
        self.names = names

    def order(self, seed=0, epoch=None):
        if epoch is None:
            return tf.data.Dataset.range(self.num_examples)
        indices = tf.range(self.num_examples, dtype=tf.int64)
        shuffled = tf.random.experimental.stateless_shuffle(
            indices, seed=shuffle_seed(seed, epoch)
        )
        return tf.data.Dataset.from_tensor_slices(shuffled)

    def read(self, reference):
        image = tf.gather(self.images, reference)
        if self.are_paths:
            image = tf.io.read_file(image)
        label = tf.gather(self.labels, reference)
        return {"index": reference, "image": image, "label": label}

    def name_of(self, index):
        return self.names[index] if self.names else super().name_of(index)


def shuffle_seed(seed, epoch):
    """Returns the seed of an epoch's order, an int64 tensor `(2,)`."""
    return tf.stack([tf.cast(seed, tf.int64), tf.cast(epoch, tf.int64)])
