"""An export in the place of a frozen encoder: judged by what it returns."""


class FrozenExport:
    """Encodes batches of whole images by an export, as `FrozenEncoder` does by Keras.

    Args:
        extractor: `Extractor`, of images that its `image_input.preprocessing` makes.
    """

    def __init__(self, extractor):
        self.extractor = extractor

    def batch_size_of_one(self, batch_size):
        """Returns how many images are encoded at once, of `batch_size`."""
        return min(batch_size, self.extractor.max_batch or batch_size)

    def __call__(self, batches):
        """Encodes a `tf.data.Dataset` of images and labels.

        Yields:
            Float32 arrays `(n, dim)` and labels `(n,)`, in the order of the data set.
        """
        image_input = self.extractor.image_input
        for images, labels in batches:
            images = image_input.of_normalised(images)
            yield self.extractor(images.numpy()), labels.numpy()
