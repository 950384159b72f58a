"""Program that serves a SavedModel on this machine, as TF Serving would, for trials."""

import argparse
import json
import signal
import threading

from keras_mae.program import InputError, one_line_errors

EPILOG = """
examples:
  The newest version in served/vit, over gRPC and REST, until Ctrl-C:
    python -m export.local_server --model_dir served/vit --port 8500 --rest_port 8501

  Ask it, from another terminal:
    curl -s localhost:8501/v1/models/vit/metadata
    echo '{"signature_name": "serve_bytes",
           "instances": [{"b64": "'$(base64 -w0 cat.jpg)'"}]}' |
        curl -s -d @- localhost:8501/v1/models/vit:predict

  A kit of export.serving_kit, with the versions and labels of its models.config:
    python -m export.local_server --model_dir served/vit \\
        --model_config_file served/kit-1/config/models.config

It answers Predict, GetModelMetadata and GetModelStatus of TF Serving's gRPC services,
and :predict, /metadata and status over REST, with TF Serving's status codes. It is
Python: use it for tests and trials, and TF Serving for work. It does not batch, does
not look for new versions, and listens on localhost only unless told otherwise.
"""


def make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m export.local_server",
        description="Serves the versions of a SavedModel with TF Serving's interfaces "
        "on this machine. The last line that it prints on starting is JSON and names "
        "the ports.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model_dir",
        required=True,
        metavar="DIR/NAME",
        help="folder of all versions; NAME is the name of the model",
    )
    parser.add_argument(
        "--model_config_file",
        metavar="FILE",
        help="TF Serving's file, for versions and labels of this model; its paths "
        "are not used (default: the newest version, no labels)",
    )
    parser.add_argument(
        "--port", type=int, default=8500, help="of gRPC; 0: a free one (default: 8500)"
    )
    parser.add_argument(
        "--rest_port",
        type=int,
        default=8501,
        help="of REST; 0: a free one (default: 8501)",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--threads", type=int, default=8, help="gRPC requests at a time (default: 8)"
    )
    return parser


def main(argv=None):
    args = make_parser().parse_args(argv)
    with one_line_errors():
        grpc_server, rest_server, ready = start(args)
    print(json.dumps(ready), flush=True)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    rest_server.shutdown()
    rest_server.server_close()
    grpc_server.stop(grace=5).wait()


def start(args):
    """Returns the running servers and a dictionary of what they serve where."""
    model_store, grpc_server, rest_server, configured = _modules()
    versions, labels = configured(args.model_config_file, args.model_dir)
    store = model_store.ModelStore(args.model_dir, None, versions, labels)
    over_grpc, over_rest, port = _listen(args, store, grpc_server, rest_server)
    ready = {
        "model": store.name,
        "versions": sorted(store.versions),
        "labels": store.labels,
        "port": port,
        "rest_port": over_rest.server_port,
    }
    return over_grpc, over_rest, ready


def _listen(args, store, grpc_server, rest_server):
    ports = {"--port": args.port, "--rest_port": args.rest_port}
    for name, port in ports.items():
        if not 0 <= port < 2**16:
            raise InputError(f"{name} is 0 to 65535. Received: {port}")
    try:
        over_rest = rest_server.start_rest_server(store, (args.host, args.rest_port))
    except OSError as error:
        raise _taken("--rest_port", args.rest_port, error) from error
    try:
        address = f"{args.host}:{args.port}"
        over_grpc, port = grpc_server.start_grpc_server(store, address, args.threads)
    except RuntimeError as error:
        over_rest.shutdown()
        over_rest.server_close()
        raise _taken("--port", args.port, error) from error
    return over_grpc, over_rest, port


def _taken(name, port, error):
    return InputError(f"cannot listen on {name} {port}; choose another: {error}")


def _modules():
    try:
        from .serving import grpc_server, model_store, rest_server
        from .serving.model_config import read_model_config
    except ModuleNotFoundError as error:
        raise InputError(
            f"serving needs {error.name}: pip install 'keras-mae[export]'"
        ) from error
    return model_store, grpc_server, rest_server, read_model_config


if __name__ == "__main__":
    main()
