"""Judges features by what few labels teach: `python -m training.few_shot --help`."""

import dataclasses

import numpy as np

from keras_mae.program import InputError

from .judge import JudgeConfig, judge

# Penalties to choose from, in units of the sum of the features' variances.
PENALTIES = 10.0 ** np.arange(-4, 4.5, 0.5)


@dataclasses.dataclass(frozen=True)
class FewShotConfig(JudgeConfig):
    """Settings of the few-shot probe."""

    # Training images of each class; one accuracy for each number that all classes have.
    shots: tuple[int, ...] = (1, 5, 10)
    # How often they are drawn, at least twice.
    draws: int = 10

    TINY = ("shots=1", "draws=2")

    def check(self):
        super().check()
        _check_draws(self)
        if min(self.shots) < 1:
            raise InputError(f"shots must be at least 1; received {self.shots}")


def few_shot_accuracy(features, config):
    """Returns top-1 accuracies of ridge regression on a few images of each class.

    The draws depend on the seed alone: other features of the same images are judged
    by the same ones.

    Args:
        features: `Features`.
        config: `FewShotConfig`.

    Returns:
        Dictionary of `accuracy_5_shot`, the mean over the draws, `std_5_shot`, their
        standard deviation, and so on.

    Raises:
        InputError: A class has fewer images than any number to be drawn, or there is
            one draw alone.
    """
    _check_draws(config)
    classes = [
        np.flatnonzero(features.train_labels == label)
        for label in np.unique(features.train_labels)
    ]
    results = {}
    for shots in _possible_shots(config, min(map(len, classes))):
        accuracies = [
            _accuracy(features, _draw(classes, shots, (config.seed, draw)))
            for draw in range(config.draws)
        ]
        results[f"accuracy_{shots}_shot"] = float(np.mean(accuracies))
        results[f"std_{shots}_shot"] = float(np.std(accuracies, ddof=1))
    return results


def ridge_classifier(examples, labels, num_classes):
    """Fits linear regression to targets of 1 for an example's class, -1 for the others.

    Features are standardised by the examples'. The penalty is the one of `PENALTIES`
    whose squared errors are smallest for examples left out one at a time, which the
    hat matrix tells without fitting again.

    Args:
        examples: Float array `(n, dim)`.
        labels: Integer array `(n,)`.
        num_classes: Integer.

    Returns:
        A function from features `(m, dim)` to scores `(m, num_classes)`.

    Reference: [Dosovitskiy et al., 2020](https://arxiv.org/abs/2010.11929), 4.1,
        few-shot accuracies; Golub, Heath and Wahba, 1979, for the errors left out.
    """
    mean, std = examples.mean(0), examples.std(0)
    std = np.where(std > 0, std, 1.0)
    u, s, vt = np.linalg.svd((examples - mean) / std, full_matrices=False)
    targets = 2 * np.eye(num_classes)[labels] - 1
    bias = targets.mean(0)
    projected = u.T @ (targets - bias)
    penalties = PENALTIES * (np.sum(s**2) / len(examples) or 1.0)
    errors = [_left_out_error(u, s, p, projected, targets - bias) for p in penalties]
    penalty = penalties[np.argmin(errors)]
    weights = vt.T @ ((s / (s**2 + penalty))[:, None] * projected)
    return lambda features: (features - mean) / std @ weights + bias


def _left_out_error(u, s, penalty, projected, targets):
    """Returns the mean squared error of examples that the fit has not seen."""
    shrinkage = s**2 / (s**2 + penalty)
    residuals = targets - (u * shrinkage) @ projected
    leverage = 1 / len(u) + (u**2) @ shrinkage  # 1 / n is the intercept's
    return np.mean((residuals / (1 - leverage)[:, None]) ** 2)


def _draw(classes, shots, seed):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(places)[:shots] for places in classes])


def _accuracy(features, chosen):
    labels = features.train_labels[chosen]
    classify = ridge_classifier(features.train[chosen], labels, features.num_classes)
    return np.mean(classify(features.test).argmax(1) == features.test_labels)


def _check_draws(config):
    if config.draws < 2:
        raise InputError(
            f"draws must be at least 2, to have a spread; received {config.draws}"
        )


def _possible_shots(config, smallest):
    if not 1 <= min(config.shots) <= smallest:
        raise InputError(
            f"shots must lie between 1 and {smallest}, the images of the smallest "
            f"class; received {config.shots}"
        )
    return [shots for shots in config.shots if shots <= smallest]


def main(argv=None):
    """Runs the program; returns its results."""
    return judge(
        "few_shot",
        "Classifies test images by ridge regression on a few training images of each "
        "class, drawn several times, beside a random encoder and raw pixels.",
        FewShotConfig(),
        few_shot_accuracy,
        argv,
    )


if __name__ == "__main__":
    main()
