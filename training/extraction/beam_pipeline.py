"""Features of a data set by Apache Beam, on as many machines as its runner has."""

import os

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.io import fileio
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.ml.inference.base import (
    KeyedModelHandler,
    PredictionResult,
    RunInference,
)
from apache_beam.options.pipeline_options import PipelineOptions

from ..data.decoding import pixels_of
from ..data.tfrecord import record_parser
from .extractor import run_onnx, run_saved_model
from .feature_files import schema

NAMESPACE = "extract"  # of the counters `rows` and `unreadable`
UNREADABLE = "unreadable"


class ExtractFeatures(beam.PTransform):
    """Reads images, computes features and writes them as Parquet.

    Files `part-NNNNN-of-NNNNN.parquet` have the columns `id`, `label` and `features` of
    `feature_files`, in no order; `_unreadable-*.txt` names what could not be read.

    Args:
        model: Path of an export, which all machines can open.
        artifact: `Artifact`, what `read_artifact` says of it.
        pattern: String. Glob of TFRecord files, or of images.
        output: Folder, which all machines can write to.
        labels_from: Integer, the label of the first class in TFRecord files, which
            hold what `open_tfrecord` reads; or `None` for images, one a file, which
            have no labels.
        batch_size: Integer. Images at a time, at most.
    """

    def __init__(self, model, artifact, pattern, output, labels_from, batch_size):
        super().__init__()
        self.model, self.artifact, self.pattern = model, artifact, pattern
        self.output, self.labels_from = output, labels_from
        self.batch_size = batch_size

    def expand(self, pipeline):
        read = _read_files if self.labels_from is None else _read_records
        prepare = Prepare(self.artifact.image_input, self.labels_from)
        examples = (
            pipeline
            | "Match" >> fileio.MatchFiles(self.pattern)
            | "Share files" >> beam.Reshuffle()
            | "Read" >> beam.FlatMap(read)
            | "Share images" >> beam.Reshuffle()
            | "Prepare" >> beam.ParDo(prepare).with_outputs(UNREADABLE, main="images")
        )
        _ = examples[UNREADABLE] | "Name unreadable" >> beam.io.WriteToText(
            os.path.join(self.output, "_unreadable"), ".txt"
        )
        handler = make_handler(self.model, self.artifact.kind, self.batch_size)
        return (
            examples.images
            | "Compute" >> RunInference(KeyedModelHandler(handler))
            | "Make rows" >> beam.Map(_row)
            | "Write" >> self._writing()
        )

    def _writing(self):
        return beam.io.WriteToParquet(
            os.path.join(self.output, "part"),
            schema(self.artifact.dim, ("id", "label")),
            file_name_suffix=".parquet",
        )


def run_pipeline(transform, options):
    """Runs a transform on the runner that Beam's options name, a list of strings.

    Returns:
        Dictionary of `state`, and `rows` and `unreadable`, as Beam counted.
    """
    pipeline = beam.Pipeline(options=PipelineOptions(options))
    _ = pipeline | transform
    result = pipeline.run()
    state = result.wait_until_finish()
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))
    counts = {counter.key.metric.name: counter.result for counter in found["counters"]}
    return {"state": str(state), "rows": 0, UNREADABLE: 0, **counts}


def has_match(pattern):
    """Whether there is a file that a glob names."""
    return bool(FileSystems.match([pattern], [1])[0].metadata_list)


class Prepare(beam.DoFn):
    """Turns the content of records or files into what a model takes.

    Yields `(id, label)` and an array; where there is no image, the id alone, as another
    output.
    """

    def __init__(self, image_input, labels_from):
        self.image_input, self.labels_from = image_input, labels_from
        self.rows = Metrics.counter(NAMESPACE, "rows")
        self.unreadable = Metrics.counter(NAMESPACE, UNREADABLE)

    def setup(self):
        self.prepare = make_prepare(self.image_input, self.labels_from)

    def process(self, element):
        name, content = element
        try:
            image, label = self.prepare(content)
        except tf.errors.OpError:  # of several kinds: what is broken is not ours
            self.unreadable.inc()
            yield beam.pvalue.TaggedOutput(UNREADABLE, name)
        else:
            self.rows.inc()
            yield (name, int(label)), image.numpy()


def make_prepare(image_input, labels_from):
    """Returns a function from the bytes of a record or file to image and label.

    Raises:
        InputError: The model takes images of other channels than files hold.
    """
    parse = _parse_file if labels_from is None else record_parser(labels_from)

    def prepare(content):
        example = parse(0, content)
        pixels = pixels_of(example["image"], image_input.preprocessing)
        return image_input(pixels), example["label"]

    signature = [tf.TensorSpec([], tf.string)]
    prepare = tf.function(prepare, input_signature=signature, autograph=False)
    return prepare.get_concrete_function()


def make_handler(model, kind, batch_size):
    """Returns Beam's handler of ONNX files, or that of TensorFlow for SavedModels."""
    if kind == "onnx":
        from apache_beam.ml.inference.onnx_inference import OnnxModelHandlerNumpy

        return OnnxModelHandlerNumpy(
            model, inference_fn=_features_by_onnx, max_batch_size=batch_size
        )
    from .beam_saved_model import SavedModelHandler

    return SavedModelHandler(
        model, inference_fn=_features_by_saved_model, max_batch_size=batch_size
    )


def _read_records(match):
    """Yields names, as `extract` has them, and contents of a file's records."""
    name, number = os.path.basename(match.path), 0
    try:
        for record in tf.data.TFRecordDataset(match.path).as_numpy_iterator():
            yield f"record {number} of {name}", record
            number += 1
    except tf.errors.DataLossError:  # hides all records after it
        yield f"record {number} of {name} and all after it", b""


def _read_files(match):
    with tf.io.gfile.GFile(match.path, "rb") as file:
        yield match.path, file.read()


def _parse_file(_, content):
    return {"image": content, "label": tf.constant(-1, tf.int64)}


def _features_by_onnx(session, batch, _):
    return run_onnx(session, np.stack(batch))


def _features_by_saved_model(loaded, batch, _, model_id):
    features = run_saved_model(loaded, np.stack(batch))
    rows = zip(batch, features, strict=True)
    return [PredictionResult(image, row, model_id) for image, row in rows]


def _row(prediction):
    (name, label), result = prediction
    return {"id": name, "label": label, "features": result.inference.tolist()}
