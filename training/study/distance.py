"""Part `distance`: the error of a hidden patch by its distance from what is visible."""

import numpy as np
import tensorflow as tf

from keras_mae.losses import patch_targets

from ..data import evaluation_dataset

BATCH = 64


def nearest_visible(mask, grid_size):
    """Returns every patch's distance to the nearest visible one, in patches.

    Args:
        mask: Array `(batch, num_patches)`, 1 = hidden; some are visible in each.
        grid_size: `(rows, columns)`.

    Returns:
        Float array `(batch, num_patches)`: Euclidean, between the patches' middles; 0
        where a patch is visible.
    """
    places = np.stack(np.indices(grid_size), -1).reshape(-1, 2).astype("float32")
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)  # (L, L)
    blocked = np.where(np.asarray(mask) > 0, np.inf, 0.0)  # (B, L)
    return np.min(apart[None] + blocked[:, None, :], axis=-1)


class ErrorByDistance:
    """Sums squared errors of hidden patches by their rounded distance."""

    def __init__(self):
        self.errors, self.powers, self.counts = {}, {}, {}

    def add(self, distances, errors, powers):
        """Adds hidden patches, one element each.

        Args:
            distances: Float array, to the nearest visible patch.
            errors: Float array, mean squared error of the prediction.
            powers: Float array, mean square of the target.
        """
        for place in np.unique(np.rint(distances)):
            chosen, k = np.rint(distances) == place, int(place)
            self.errors[k] = self.errors.get(k, 0.0) + float(errors[chosen].sum())
            self.powers[k] = self.powers.get(k, 0.0) + float(powers[chosen].sum())
            self.counts[k] = self.counts.get(k, 0) + int(chosen.sum())

    def figures(self):
        """Returns `error`, that over `power`, and share of patches at each distance."""
        total, results = sum(self.counts.values()), {}
        results["error"] = sum(self.errors.values()) / total
        results["relative_error"] = _ratio(self.errors, self.powers)
        for k, count in sorted(self.counts.items()):
            results[f"error_at_{k}"] = self.errors[k] / count
            results[f"relative_error_at_{k}"] = self.errors[k] / self.powers[k]
            results[f"patches_at_{k}"] = count / total
        return results


def distance_figures(model, source, count, seed):
    """Returns the errors of a model's predictions on held-out images.

    Args:
        model: A model that predicts hidden patches.
        source: `Source`.
        count: Integer. So many images, spread over the source.
        seed: Integer, of the masks.

    Returns:
        Dictionary: `error`, mean squared error of hidden patches, in units of the
        model's targets; `relative_error`, over the targets' mean square, so that 1 is
        what predicting 0 would give; both `_at_K` patches, rounded; `patches_at_K`,
        the share of hidden patches.
    """
    sums = ErrorByDistance()
    batches = evaluation_dataset(source, model.preprocessing, BATCH, max_images=count)
    for draw, (images, _) in enumerate(batches):
        patches = model.patchify(images)
        mask = model.masking(patches, seed=tf.constant([seed, draw]))["mask"]
        pred = model({"images": images, "mask": mask})["pred"]
        targets = patch_targets(patches, model.norm_pix_loss).numpy()
        hidden = mask.numpy() > 0
        sums.add(
            nearest_visible(mask, model.masking.grid_size)[hidden],
            np.mean((targets - np.array(pred)) ** 2, axis=-1)[hidden],
            np.mean(targets**2, axis=-1)[hidden],
        )
    return sums.figures()


def _ratio(errors, powers):
    return sum(errors.values()) / sum(powers.values())
