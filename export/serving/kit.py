"""Writes a SavedModel with all that TF Serving and its clients need beside it."""

import contextlib
import shutil
from pathlib import Path

from keras_mae.atomic import new_directory
from keras_mae.program import InputError

from ..manifest import hash_files, manifest_path, read_manifest, write_json
from ..saved_model import list_versions, version_path, write_saved_model
from .model_config import read_model_config
from .warmup import replay_warmup, write_warmup

HERE = Path(__file__).parent
CONFIG = ("models.config", "batching.config", "monitoring.config", "prometheus.yml")


def write_kit(model, output, name="vit", batch_sizes=(1, 8, 32), limits=None, **chosen):
    """Writes `output/NAME/N/`, a SavedModel, and `output/kit-N/`, files for serving it.

    Both appear complete or not at all, and nothing is overwritten: the next call
    writes N + 1. The SavedModel has been compared with Keras, and its warm-up
    requests have been run.

    Args:
        model: What `write_saved_model` takes.
        output: Folder of the served model and its kits.
        name: Name of the served model.
        batch_sizes: Sizes of the warm-up requests; the largest is that of batches
            which the server makes.
        limits, **chosen: As in `write_saved_model`.

    Returns:
        `Path` of the kit, and `Path` of the version.

    Raises:
        InputError: The name or a batch size cannot be used, or what
            `write_saved_model` finds.
        RuntimeError: A warm-up request failed, or what `write_saved_model` finds.
    """
    output, batch_sizes = Path(output), sorted(set(batch_sizes))
    _check(name, batch_sizes)
    version = next_version(output, name)
    path = version_path(output / name, version)
    with new_directory(output / f"kit-{version}") as kit:
        staged = write_saved_model(
            model, kit / "staged" / name, version, limits, **chosen
        )
        _check_limit(batch_sizes, read_manifest(staged))
        write_warmup(staged, name, batch_sizes)
        rows = replay_warmup(staged)
        _add_to_manifest(staged, rows)
        values = _values(output, name, version, batch_sizes, read_manifest(staged))
        _write_files(kit, values)
        # In one piece, warm-up included, lest the server loads what is not finished.
        path.parent.mkdir(parents=True, exist_ok=True)
        staged.rename(path)
        shutil.rmtree(kit / "staged")
    return output / f"kit-{version}", path


def next_version(output, name):
    """Returns the number after those of all versions and kits in a folder."""
    kits = [path.name.removeprefix("kit-") for path in Path(output).glob("kit-*")]
    taken = [int(number) for number in kits if number.isdecimal()]
    return max([0, *taken, *list_versions(Path(output) / name)]) + 1


def _check(name, batch_sizes):
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise InputError(
            f"the name is part of addresses: letters, digits, - and _. Received: {name}"
        )
    if not batch_sizes or batch_sizes[0] < 1:
        raise InputError(f"batch sizes are 1 or more. Received: {batch_sizes}")


def _check_limit(batch_sizes, manifest):
    limit = manifest.get("limits", {}).get("max_batch")
    if limit is not None and batch_sizes[-1] > limit:
        raise InputError(
            f"the model takes {limit} images a request; the largest batch size may "
            f"not exceed that. Received: {batch_sizes}"
        )


def _add_to_manifest(path, rows):
    manifest = read_manifest(path)
    manifest["warmup"] = [
        {key: row[key] for key in ("signature", "batch_size")} for row in rows
    ]
    manifest["files"] = hash_files(path)
    write_json(manifest_path(path), manifest)


def _values(output, name, version, batch_sizes, manifest):
    """Returns what the templates' marks stand for."""
    labels = _labels(output, name, version)
    return {
        "name": name,
        "version": str(version),
        "max_batch_size": str(batch_sizes[-1]),
        "allowed_batch_sizes": "\n".join(
            f"# allowed_batch_sizes: {size}" for size in batch_sizes
        ),
        "versions": "\n".join(
            f"        versions: {number}" for number in sorted(set(labels.values()))
        ),
        "labels": "\n".join(
            f'    version_labels {{ key: "{label}" value: {number} }}'
            for label, number in labels.items()
        ),
        "signatures": "\n".join(_row(*item) for item in manifest["signatures"].items()),
        "bytes_signature": _bytes_signature(manifest["signatures"]),
    }


def _labels(output, name, version):
    """The new version is stable if it is the only one, and a canary otherwise."""
    others = list_versions(output / name)
    if not others:
        return {"stable": version}
    stable = others[-1]
    last = output / f"kit-{stable}" / "config" / "models.config"
    with contextlib.suppress(InputError):  # no kit, or it was edited beyond reading
        stable = read_model_config(last, output / name)[1].get("stable", stable)
    return {"stable": stable if stable in others else others[-1], "canary": version}


def _row(name, signature):
    sides = [_tensors(signature[side]) for side in ("inputs", "outputs")]
    return f"| `{name}` | {sides[0]} | {sides[1]} |"


def _tensors(tensors):
    return ", ".join(
        f"`{name}` {info['dtype']} {_shape(info['shape'])}"
        for name, info in tensors.items()
    )


def _shape(shape):
    sides = ["batch", *("any" if side is None else str(side) for side in shape[1:])]
    return f"({', '.join(sides)}{',' if len(sides) == 1 else ''})"


def _bytes_signature(signatures):
    """Returns the signature that the examples use."""
    for name in ("serve_bytes", "serving_default"):
        if name in signatures:
            return name
    return next(iter(signatures))


def _write_files(kit, values):
    (kit / "config").mkdir()
    for name in CONFIG:
        _fill(HERE / "templates" / name, kit / "config" / name, values)
    for name in ("docker-compose.yml", "README.md"):
        _fill(HERE / "templates" / name, kit / name, values)
    (kit / "serving_client").mkdir()
    for source in sorted((HERE / "client").glob("*.py")):
        shutil.copyfile(source, kit / "serving_client" / source.name)
    (kit / "serving_client" / "requirements.txt").write_text(
        "grpcio\nprotobuf>=4.22\nnumpy\n"
    )


def _fill(template, target, values):
    text = template.read_text(encoding="utf-8")
    for mark, value in values.items():
        text = text.replace(f"{{{{{mark}}}}}", value)
    target.write_text(text, encoding="utf-8")
