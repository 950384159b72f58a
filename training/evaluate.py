"""Judges features in several ways at once: `python -m training.evaluate --help`."""

import dataclasses

from keras_mae.program import unknown

from .few_shot import FewShotConfig, few_shot_accuracy
from .judge import JudgeConfig, judge
from .knn import KnnConfig, knn_accuracy
from .linear_probe import ProbeConfig, probe_accuracy

# Name: its settings, and a function of features and settings.
JUDGES = {
    "knn": (KnnConfig, knn_accuracy),
    "linear_probe": (ProbeConfig, probe_accuracy),
    "few_shot": (FewShotConfig, few_shot_accuracy),
}


@dataclasses.dataclass(frozen=True)
class EvaluateConfig(JudgeConfig):
    """Settings of several judges; their own are as of their programs."""

    # Which: knn, linear_probe, few_shot.
    judges: tuple[str, ...] = tuple(JUDGES)

    def check(self):
        super().check()
        check_judges(self.judges)


def check_judges(names):
    """Raises an `InputError` where a name is not among `JUDGES`."""
    for name in names:
        if name not in JUDGES:
            raise unknown("judge", name, JUDGES)


def figures(features, judges, seed=0):
    """Returns what several judges say of the same features.

    Args:
        features: `Features`.
        judges: Names, of `JUDGES`.
        seed: Integer, of all that is random.

    Returns:
        Dictionary of `knn_accuracy_k20`, `linear_probe_accuracy`,
        `few_shot_accuracy_5_shot` and so on.
    """
    results = {}
    for name in judges:
        config, score = JUDGES[name]
        scores = score(features, config(seed=seed))
        results |= {f"{name}_{key}": value for key, value in scores.items()}
    return results


def _score(features, config):
    return figures(features, config.judges, config.seed)


def main(argv=None):
    """Runs the program; returns its results."""
    return judge(
        "evaluate",
        "Judges features by nearest neighbours, by a linear probe and by what few "
        "labels teach, encoding the images once, beside a random encoder and raw "
        "pixels.",
        EvaluateConfig(),
        _score,
        argv,
    )


if __name__ == "__main__":
    main()
