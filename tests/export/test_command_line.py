import pytest

from export import to_onnx, to_saved_model
from export.command_line import read_class_names
from export.manifest import read_manifest
from keras_mae.program import InputError


@pytest.fixture
def arguments(classifier, tmp_path):
    """The command line up to what is tested, for a classifier."""
    classifier.save(tmp_path / "model.keras")
    paths = ("--model", tmp_path / "model.keras", "--output", tmp_path / "vit")
    return lambda *more: [str(argument) for argument in (*paths, *more)]


def error_of(arguments, capsys):
    with pytest.raises(SystemExit) as exit_info:
        to_saved_model.main(arguments)
    assert exit_info.value.code == 2
    return capsys.readouterr().err


def test_classes_are_named_by_a_file(arguments, tmp_path):
    (tmp_path / "names.txt").write_text("fourmi\nabeille\nchat\nchien\n")
    names = ("--class_names", tmp_path / "names.txt")
    limits = ("--max_batch", 2, "--max_pixels", 4000)
    to_saved_model.main(arguments("--outputs", "classes", *names, "--top", 2, *limits))
    manifest = read_manifest(tmp_path / "vit" / "1")
    assert manifest["class_names"] == ["fourmi", "abeille", "chat", "chien"]
    assert (manifest["outputs"], manifest["top"]) == (["classes"], 2)
    assert manifest["limits"] == {"max_batch": 2, "max_pixels": 4000, "max_ratio": 100}
    outputs = manifest["signatures"]["serve_bytes"]["outputs"]
    assert outputs["classes"]["dtype"] == "string"
    assert outputs["scores"]["shape"] == [None, 2]


def test_outputs_that_a_model_does_not_have_are_one_line(arguments, capsys):
    line = error_of(arguments("--outputs", "error_map"), capsys)
    assert line.startswith("error: error_map is an output of a MaskedAutoencoder.")


def test_help_names_the_outputs_that_a_format_has():
    assert "error_map, reconstruct" in to_saved_model.make_parser().format_help()
    help_of_onnx = to_onnx.make_parser().format_help()
    assert "error_map" in help_of_onnx
    assert "reconstruct" not in help_of_onnx


def test_limits_are_checked(arguments, capsys):
    line = error_of(arguments("--max_batch", 0), capsys)
    assert "`max_batch` must be at least 1. Received: 0" in line
    line = error_of(arguments("--max_pixels", 3000), capsys)
    assert (
        "`max_pixels` must be at least 3072, for a model of images of 32 x 24" in line
    )


def test_missing_names_of_classes_are_told(tmp_path):
    (tmp_path / "names.txt").write_text("ant\n\ncat\n")
    with pytest.raises(InputError, match="names.txt has no name in line 2"):
        read_class_names(tmp_path / "names.txt")


def test_unreadable_names_of_classes_are_told(tmp_path):
    with pytest.raises(InputError, match="cannot read --class_names .*No such file"):
        read_class_names(tmp_path / "names.txt")
