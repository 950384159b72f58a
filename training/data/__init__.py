"""Input pipelines: sources of examples, and the batches that programs train on."""

from .batches import evaluation_dataset, steps_per_epoch, training_dataset
from .load import load_source
from .source import IndexedSource, Source, num_images

__all__ = [
    "IndexedSource",
    "Source",
    "evaluation_dataset",
    "load_source",
    "num_images",
    "steps_per_epoch",
    "training_dataset",
]
