"""How much of a gradient's variance comes from masks, and how much from images."""

import dataclasses

import numpy as np


class Scatter:
    """Mean and summed squared distance from it, of vectors seen one by one.

    Welford's recurrence, in float64: no vector is kept, and nothing cancels.

    Attributes:
        count: Integer.
        mean: Float64 vector.
        squares: Float, the sum of squared distances from the mean.
    """

    def __init__(self):
        self.count, self.mean, self.squares = 0, 0.0, 0.0

    def add(self, vector):
        """Adds one vector."""
        self.count += 1
        distance = np.asarray(vector, "float64") - self.mean
        self.mean = self.mean + distance / self.count
        # Before times after the update: the recurrence's product.
        self.squares += float(distance @ distance) * (1 - 1 / self.count)


@dataclasses.dataclass(frozen=True)
class VarianceComponents:
    """Gradients `g[i, j] = mean + image[i] + mask[i, j]`, masks nested in images.

    All are unbiased, so those that are small may come out negative.

    Attributes:
        mask_variance: Trace of the covariance over masks of one image.
        image_variance: Trace of the covariance over images of the mean over masks.
        mean_square: Squared norm of the mean over images and masks.
        batch_square: Squared norm of the mean over masks of these images' gradient.
    """

    mask_variance: float
    image_variance: float
    mean_square: float
    batch_square: float


def variance_components(gradients):
    """Estimates the components of balanced nested draws, by analysis of variance.

    With n images of m draws each, the mean of all has the squared norm `mean_square`
    plus its own variance, `image_variance / n + mask_variance / (n m)`, which is taken
    off; so is the masks' share of the variance between images.

    Args:
        gradients: Iterable, over images, of iterables, over draws, of vectors. Two
            vectors are kept at a time.

    Returns:
        `VarianceComponents`.

    Raises:
        ValueError: Fewer than two images or draws, or images with different numbers.

    Reference: Searle, Casella and McCulloch, Variance Components, 1992, chapter 3.
    """
    images, within, counts = Scatter(), 0.0, set()
    for draws in gradients:
        masks = Scatter()
        for vector in draws:
            masks.add(vector)
        counts.add(masks.count)
        within += masks.squares
        images.add(masks.mean)
    n, m = images.count, max(counts, default=0)
    if n < 2 or counts != {m} or m < 2:
        raise ValueError(
            "expected at least two images with the same number of draws, at least two. "
            f"Received: {n} images of {sorted(counts)} draws"
        )
    mask_variance = within / (n * (m - 1))
    of_means = images.squares / (n - 1)  # image_variance + mask_variance / m
    square = float(images.mean @ images.mean)
    return VarianceComponents(
        mask_variance=mask_variance,
        image_variance=of_means - mask_variance / m,
        mean_square=square - of_means / n,
        batch_square=square - mask_variance / (n * m),
    )


def cosines(vectors):
    """Returns the cosines of the first vector and the second, the third and the fourth.

    Pairs that share no vector are independent. Two vectors are kept at a time.

    Args:
        vectors: Iterable of vectors.
    """
    vectors = iter(vectors)
    return [
        float(a @ b / np.sqrt(float(a @ a) * float(b @ b)))
        for a, b in zip(vectors, vectors, strict=False)
    ]
