"""The tiny encoder behind both servers, in this process."""

import pytest

from export.serving.client.over_grpc import GrpcClient
from export.serving.client.over_rest import RestClient
from export.serving.grpc_server import start_grpc_server
from export.serving.model_store import ModelStore
from export.serving.rest_server import start_rest_server


@pytest.fixture(scope="session")
def store(saved_model):
    return ModelStore(saved_model.parent, labels={"stable": 1})


@pytest.fixture(scope="session")
def address(store):
    server, port = start_grpc_server(store)
    yield f"localhost:{port}"
    server.stop(None).wait()


@pytest.fixture(scope="session")
def url(store):
    server = start_rest_server(store)
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def grpc_client(address):
    with GrpcClient(address, deadline=10) as client:
        yield client


@pytest.fixture(scope="session")
def rest_client(url):
    with RestClient(url, deadline=10) as client:
        yield client
