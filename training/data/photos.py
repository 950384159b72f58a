"""The colour photographs inside the scikit-image package."""

import importlib.util
from pathlib import Path

from keras_mae.program import InputError

from .source import IndexedSource

# In the installed package itself: skimage's other pictures are downloads.
FILES = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "motorcycle_left.png",
    "motorcycle_right.png",
    "retina.jpg",
    "rocket.jpg",
)


def open_photos(split):
    """Returns the photographs, 400 to 1,400 pixels wide, PNG and JPEG, no labels.

    Raises:
        InputError: scikit-image is missing, or the split is not train.
    """
    if split != "train":
        raise InputError(
            f"'photos' has no labels and only the split train; received {split!r}"
        )
    spec = importlib.util.find_spec("skimage")
    folder = Path(spec.origin).parent / "data" if spec else Path()
    paths = [folder / name for name in FILES if (folder / name).is_file()]
    if not paths:
        raise InputError(
            "the data set 'photos' comes with scikit-image: "
            "pip install 'keras-mae[demo]'"
        )
    return IndexedSource("photos (train)", [path.read_bytes() for path in paths])
