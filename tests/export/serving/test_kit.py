import ast
import json
import re
import subprocess
import sys

import pytest
import tensorflow as tf
import yaml
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
)

from export import serving_kit
from export.manifest import changed_files, read_manifest
from export.serving import kit as kit_module
from export.serving import warmup
from export.serving.kit import next_version, write_kit
from export.serving.model_config import parse, read_model_config
from keras_mae.program import InputError

from ..through_c_api import ONEDNN, run_through_c_api


@pytest.fixture(scope="module")
def kits(encoder, tmp_path_factory):
    """Two versions and their kits."""
    output = tmp_path_factory.mktemp("kits")
    return [write_kit(encoder, output, "cats", (1, 2)) for _ in range(2)]


def test_next_version_follows_all_others(tmp_path):
    for name in ("kit-3", "kit-x", "vit/4", "dog/9"):
        (tmp_path / name).mkdir(parents=True)
    assert next_version(tmp_path, "vit") == 5
    assert next_version(tmp_path, "cat") == 4
    assert next_version(tmp_path / "absent", "vit") == 1


def test_everything_is_there_and_nothing_else(kits):
    output = kits[0][0].parent
    assert {path.name for path in output.iterdir()} == {"cats", "kit-1", "kit-2"}
    assert {path.name for path in (output / "cats").iterdir()} == {"1", "2"}
    files = {
        path.relative_to(output / "kit-2") for path in (output / "kit-2").rglob("*")
    }
    assert {path.as_posix() for path in files} >= {
        "README.md",
        "docker-compose.yml",
        "config/models.config",
        "config/batching.config",
        "config/monitoring.config",
        "config/prometheus.yml",
        "serving_client/over_grpc.py",
        "serving_client/over_rest.py",
        "serving_client/requirements.txt",
    }
    assert not [path for path in files if "staged" in path.parts]


def test_warmup_runs_every_signature_at_every_size(kits):
    path = kits[0][1]
    rows = warmup.replay_warmup(path)
    signatures = read_manifest(path)["signatures"]
    expected = [(name, size) for name in signatures for size in (1, 2)]
    assert [(row["signature"], row["batch_size"]) for row in rows] == expected
    for row in rows:
        assert row["outputs"]["features"] == [row["batch_size"], 16]
    assert (path / warmup.FILE).stat().st_size < 50_000


def test_warmup_runs_through_the_c_api(kits, tmp_path):
    path, requests = kits[0][1], {}
    for number, request in enumerate(warmup.read_warmup(path)):
        inputs = {name: tf.make_ndarray(t) for name, t in request.inputs.items()}
        requests[f"{request.model_spec.signature_name}/{number}"] = inputs
    answers, printed = run_through_c_api(path, requests, tmp_path)
    assert (printed["errors"], printed["modules"]) == ({}, [])
    shapes = {key: list(array.shape) for key, array in answers.items()}
    assert shapes == {
        f"{row['signature']}/{number}/{name}": shape
        for number, row in enumerate(warmup.replay_warmup(path))
        for name, shape in row["outputs"].items()
    }


def test_manifest_knows_the_warmup(kits):
    manifest = read_manifest(kits[0][1])
    assert {"signature": "serve_bytes", "batch_size": 2} in manifest["warmup"]
    assert warmup.FILE.as_posix() in manifest["files"]
    assert changed_files(kits[0][1], manifest) == []


def test_warmup_that_fails_is_told(kits, monkeypatch):
    specs = json.loads(json.dumps(read_manifest(kits[0][1])["signatures"]))
    specs["serving_default"]["outputs"]["features"]["shape"] = [None, 17]
    monkeypatch.setattr(warmup, "list_signatures", lambda path: specs)
    with pytest.raises(RuntimeError, match=r"should have shape \[1, 17\]; it has"):
        warmup.replay_warmup(kits[0][1])


def test_too_many_warmup_requests_are_refused(kits):
    with pytest.raises(ValueError, match="TF Serving takes 1000 warm-up requests"):
        warmup.write_warmup(kits[0][1], "cats", range(1, 500))


def test_first_version_is_stable_and_later_ones_are_canaries(kits):
    (first, path), (second, _) = kits
    name = path.parent
    assert read_model_config(first / "config/models.config", name) == (
        [1],
        {"stable": 1},
    )
    assert read_model_config(second / "config/models.config", name) == (
        [1, 2],
        {"stable": 1, "canary": 2},
    )


def test_model_configuration_is_tf_servings(kits):
    (config,) = parse(kits[0][0] / "config/models.config").model_config_list.config
    assert config.name == "cats"
    assert config.base_path == "/models/cats"
    assert config.model_platform == "tensorflow"


def official(name, fields):
    """Returns a message of `session_bundle_config.proto` or `monitoring_config.proto`
    of tensorflow/serving: its package for Python has neither.
    """
    file = descriptor_pb2.FileDescriptorProto(name="config.proto", syntax="proto3")
    for kind in ("int64", "bool", "string"):
        wrapper = file.message_type.add(name=kind)
        wrapper.field.add(name="value", number=1, label=1, type=TYPES[kind])
    for message, content in fields.items():
        added = file.message_type.add(name=message)
        for number, (key, label, kind) in content.items():
            field = added.field.add(name=key, number=number, label=label)
            if kind in TYPES:
                field.type = TYPES[kind]
            else:
                field.type, field.type_name = 11, f".{kind.removeprefix('.')}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))()


TYPES = {"int64": 3, "bool": 8, "string": 9}
BATCHING = {
    "BatchingParameters": {
        1: ("max_batch_size", 1, ".int64"),
        2: ("batch_timeout_micros", 1, ".int64"),
        3: ("max_enqueued_batches", 1, ".int64"),
        4: ("num_batch_threads", 1, ".int64"),
        5: ("thread_pool_name", 1, ".string"),
        6: ("allowed_batch_sizes", 3, "int64"),
        7: ("pad_variable_length_inputs", 1, "bool"),
    }
}
MONITORING = {
    "PrometheusConfig": {1: ("enable", 1, "bool"), 2: ("path", 1, "string")},
    "MonitoringConfig": {1: ("prometheus_config", 1, ".PrometheusConfig")},
}


def test_batching_parameters_are_tf_servings(kits):
    text = (kits[0][0] / "config/batching.config").read_text()
    config = text_format.Parse(text, official("BatchingParameters", BATCHING))
    assert config.max_batch_size.value == 2
    assert config.num_batch_threads.value == 4
    assert not config.allowed_batch_sizes
    text = text.replace("# allowed", "allowed")  # as it says, on a GPU
    config = text_format.Parse(text, official("BatchingParameters", BATCHING))
    assert list(config.allowed_batch_sizes) == [1, 2]


def test_monitoring_is_tf_servings_and_read_by_prometheus(kits):
    text = (kits[0][0] / "config/monitoring.config").read_text()
    config = text_format.Parse(text, official("MonitoringConfig", MONITORING))
    assert config.prometheus_config.enable
    prometheus = yaml.safe_load((kits[0][0] / "config/prometheus.yml").read_text())
    (job,) = prometheus["scrape_configs"]
    assert job["metrics_path"] == config.prometheus_config.path
    assert job["static_configs"][0]["targets"] == ["cats:8501"]


def test_compose_file_mounts_what_is_there(kits):
    kit, _ = kits[1]
    compose = yaml.safe_load((kit / "docker-compose.yml").read_text())
    service = compose["services"]["cats"]
    for volume in service["volumes"]:
        source, target, mode = volume.split(":")
        assert (kit / source).resolve().is_dir(), source
        assert mode == "ro"
    targets = dict(volume.split(":")[1::-1] for volume in service["volumes"])
    assert set(targets) == {"/models/cats", "/config"}
    for flag in service["command"]:
        name, _, value = flag.partition("=")
        if name.endswith("_file"):
            assert (kit / "config" / value.removeprefix("/config/")).exists()


def test_compose_file_sets_what_requests_are_tested_with(kits):
    compose = yaml.safe_load((kits[0][0] / "docker-compose.yml").read_text())
    assert compose["services"]["cats"]["environment"] == ONEDNN


def test_health_check_sees_a_loaded_model(kits, url):
    compose = yaml.safe_load((kits[0][0] / "docker-compose.yml").read_text())
    _, bash, option, script = compose["services"]["cats"]["healthcheck"]["test"]
    port = url.rpartition(":")[2]
    script = script.replace("8501", port)
    healthy = [bash, option, script.replace("models/cats", "models/vit")]
    assert subprocess.run(healthy, capture_output=True).returncode == 0
    absent = subprocess.run([bash, option, script], capture_output=True)
    assert absent.returncode != 0


def test_readme_is_filled_in_and_its_python_runs(
    kits, saved_model, address, url, tmp_path
):
    kit, _ = kits[0]
    text = (kit / "README.md").read_text()
    assert "{{" not in text
    assert "| `serve_bytes` | `image_bytes` string (batch,) |" in text
    (tmp_path / "pictures").mkdir()
    (tmp_path / "serving_client").symlink_to(kit / "serving_client")
    picture = tf.io.encode_jpeg(tf.zeros((40, 30, 3), tf.uint8)).numpy()
    (tmp_path / "cat.jpg").write_bytes(picture)
    (tmp_path / "pictures" / "a.jpg").write_bytes(picture)
    (tmp_path / "pictures" / "b.jpg").write_bytes(b"no picture")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    code = "\n".join(blocks).replace('model="cats"', 'model="vit"')
    code = code.replace("localhost:8500", address).replace("models/cats", "models/vit")
    code = code.replace("http://localhost:8501", url)
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "'features': (1, 16)" in done.stdout
    assert "a.jpg ok\nb.jpg INVALID_ARGUMENT: " in done.stdout


def test_copied_clients_are_complete(kits):
    folder = kits[0][0] / "serving_client"
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                names = [node.module] if node.module else [a.name for a in node.names]
                for name in names:
                    assert (folder / f"{name}.py").exists()


def test_bad_names_and_sizes_leave_nothing(encoder, tmp_path):
    with pytest.raises(InputError, match="letters, digits, - and _. Received: a/b"):
        write_kit(encoder, tmp_path / "new", "a/b")
    with pytest.raises(InputError, match="batch sizes are 1 or more"):
        write_kit(encoder, tmp_path / "new", "a", (0, 1))
    assert list(tmp_path.iterdir()) == []


def test_failing_warmup_leaves_nothing(encoder, tmp_path, monkeypatch):
    def fail(path):
        raise RuntimeError("serve_bytes refused: no")

    monkeypatch.setattr(kit_module, "replay_warmup", fail)
    with pytest.raises(RuntimeError, match="serve_bytes refused"):
        write_kit(encoder, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_program_writes_a_tiny_kit(tmp_path, capfd):
    output = str(tmp_path / "served")
    arguments = ["--tiny", "--output", output, "--batch_sizes", "1"]
    serving_kit.main([*arguments, "--outputs", "features"])
    captured = capfd.readouterr()
    results = json.loads(captured.out.splitlines()[-1])
    assert results["artifact"] == f"{output}/vit/1"
    assert results["kit"] == f"{output}/kit-1"
    assert results["warmup_requests"] >= 3
    assert captured.err == ""


def test_program_teaches(capsys):
    with pytest.raises(SystemExit):
        serving_kit.main(["--help"])
    assert "examples:" in capsys.readouterr().out


def test_program_refuses_what_is_no_model(tmp_path, capsys):
    with pytest.raises(SystemExit) as info:
        serving_kit.main(["--model", "absent.keras", "--output", str(tmp_path / "x")])
    assert info.value.code == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert list(tmp_path.iterdir()) == []
