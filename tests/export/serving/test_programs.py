import json
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

from export import local_server, soak
from export.serving.client.over_grpc import GrpcClient
from export.serving.client.over_rest import RestClient

from ..programs import error_of


def test_local_server_serves_until_it_is_told_to_stop(saved_model, tmp_path):
    config = tmp_path / "models.config"
    config.write_text(
        'model_config_list { config { name: "vit" '
        'version_labels { key: "stable" value: 1 } } }'
    )
    command = [sys.executable, "-m", "export.local_server", "--port", "0"]
    command += ["--rest_port", "0", "--model_dir", str(saved_model.parent)]
    command += ["--model_config_file", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        ready = json.loads(server.stdout.readline())
        assert ready["versions"] == [1]
        inputs = {"images": np.zeros((1, 32, 24, 3), "float32")}
        address = f"localhost:{ready['port']}"
        with GrpcClient(address, "vit", label="stable") as client:
            features = client.predict(inputs)["features"]
        with RestClient(f"http://localhost:{ready['rest_port']}", "vit") as client:
            again = client.predict(inputs)["features"]
        np.testing.assert_allclose(features, again, atol=1e-5)
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=20) == 0


def test_bad_input_is_one_line(saved_model, tmp_path, capsys):
    line = error_of(capsys, local_server, "--model_dir", tmp_path)
    assert "holds no version; name the folder that holds 1/" in line
    model = ("--model_dir", saved_model.parent)
    line = error_of(capsys, local_server, *model, "--port", "99999999")
    assert "--port is 0 to 65535. Received: 99999999" in line
    line = error_of(capsys, soak, "--model_dir", tmp_path)
    assert "holds no version" in line
    line = error_of(capsys, soak, "--tiny", "--seconds", "0")
    assert "--seconds must exceed 0" in line


def test_taken_ports_are_one_line(saved_model, capsys):
    model = ("--model_dir", saved_model.parent)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = error_of(capsys, local_server, *model, "--rest_port", port)
        assert f"cannot listen on --rest_port {port}; choose another" in line
        line = error_of(capsys, local_server, *model, "--rest_port", 0, "--port", port)
        assert f"cannot listen on --port {port}; choose another" in line


@pytest.mark.parametrize("program", [local_server, soak])
def test_help_has_examples(program, capsys):
    with pytest.raises(SystemExit):
        program.main(["--help"])
    assert "examples:" in capsys.readouterr().out


@pytest.mark.slow
def test_soak_of_a_tiny_model(capfd):
    with pytest.raises(SystemExit) as info:
        soak.main(["--tiny", "--seconds", "20"])
    results = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert info.value.code == 0, results
    assert results["good"] > 100
    assert set(results["refused"]) == {"INVALID_ARGUMENT", "FAILED_PRECONDITION"}
