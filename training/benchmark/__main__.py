"""Times this package beside peers: `python -m training.benchmark --help`."""

import dataclasses
import json
import shlex
import shutil
import sys
from pathlib import Path

from keras_mae.program import InputError, one_line_errors, unknown

from ..command_line import (
    add_data_arguments,
    add_set_argument,
    apply_settings,
    program_parser,
)
from ..compute import dtype_policy
from ..config import PretrainConfig
from ..finetune_config import FinetuneConfig
from ..recipes import get_recipe, list_recipes
from ..workdir import write_atomically
from .hugging_face import LIBRARIES
from .inference import time_inference
from .input_pipeline import input_benchmark
from .peers import PEERS
from .profile import profile_table, profile_training
from .runtime import machine, num_cores
from .table import markdown
from .training_step import time_training

BATCH_SIZE = 16  # of training steps without a recipe
STEPS = {"pretrain": 3, "finetune": 3, "inference": 10}  # of a turn
PROFILED = ("pretrain", "finetune")


def benchmark(arguments):
    """Returns what the command line asks for, measured."""
    task, peers = arguments.task, arguments.peers
    steps = arguments.steps or STEPS[task]
    options = (arguments.threads, arguments.rounds, steps, peers)
    before = machine()
    if task == "inference":
        measured = time_inference(
            _config(arguments, PretrainConfig),
            arguments.model,
            arguments.batch_size,
            *options,
            arguments.peers_python,
        )
    else:
        config = _step_config(arguments)
        measured = time_training(config, *options, arguments.peers_python)
    device = measured.pop("device")
    return {
        "program": "benchmark",
        "command": arguments.command,
        "machine": {"device": device, **before},
        "rounds": arguments.rounds,
        "steps": steps,
        **measured,
    }


def _step_config(arguments):
    kind = FinetuneConfig if arguments.task == "finetune" else PretrainConfig
    return _config(arguments, kind)


def _config(arguments, kind):
    if arguments.recipe:
        config = get_recipe(arguments.recipe, kind)
    else:
        config = dataclasses.replace(kind(), batch_size=BATCH_SIZE)
    if arguments.tiny:
        config = dataclasses.replace(config, **kind.TINY)
    config = apply_settings(config, arguments.set)
    return dataclasses.replace(config, precision=dtype_policy(config.precision))


def _profile(arguments):
    steps = arguments.steps or STEPS[arguments.task]
    before = machine()
    results = profile_training(_step_config(arguments), steps)
    print(profile_table(results))
    return {**results, "command": arguments.command, "machine": before}


def _input(arguments):
    if arguments.peers:
        raise InputError("--input has one peer, PIL, which it always times")
    size = _config(arguments, PretrainConfig).image_size or 224
    rounds, folder = arguments.rounds, arguments.data_dir
    results = input_benchmark(arguments.data, rounds, size, folder)
    for name in ("images_per_second", "pil_images_per_second", "times_pil"):
        print(f"{name:26} {results[name]:10}")
    return {**results, "command": arguments.command}


def _parser():
    parser = program_parser(
        "Times a training step of plain fit on random images, or an encoder's "
        "features, beside peers that do the same work and the fastest matrix product "
        "of this machine. Each runs in a process of its own, with the same threads; "
        "after a warm-up they take turns, round after round, so that a busy minute "
        "meets them all. Prints a table in Markdown.",
        [
            "python -m training.benchmark --peers plain,hf_torch",
            "python -m training.benchmark --recipe cifar10_vit_tiny --peers plain",
            "python -m training.benchmark --set precision=mixed_bfloat16 --peers "
            "hf_torch --peers_python hf_torch=/torch/bin/python --output b16.json",
            "python -m training.benchmark --finetune --set batch_size=8",
            "python -m training.benchmark --inference --batch_size 1 8 --threads 1 2",
            "python -m training.benchmark --input --data folder:DIR",
            "python -m training.benchmark --profile --set compute=graph",
        ],
        PretrainConfig(),
    )
    tasks = parser.add_mutually_exclusive_group()
    for name, text in (
        ("finetune", "time a step of fine-tuning; --set takes training.finetune's"),
        ("inference", "time features by Keras, SavedModel and ONNX"),
        ("input", "time the input of --data, beside PIL in one process"),
    ):
        tasks.add_argument(
            f"--{name}", action="store_const", dest="task", const=name, help=text
        )
    parser.set_defaults(task="pretrain")
    recipes = (*list_recipes(PretrainConfig), *list_recipes(FinetuneConfig))
    parser.add_argument(
        "--recipe",
        help=f"default: ViT-B/16, batch {BATCH_SIZE}; or one of: {', '.join(recipes)}",
    )
    parser.add_argument(
        "--peers", type=_names, default=[], metavar="NAME,...", help=_of_peers()
    )
    parser.add_argument(
        "--peers_python",
        type=_pythons,
        default={},
        metavar="NAME=PATH,...",
        help="Python of another environment, for hf_torch (hf_onnx, too) or hf_tf",
    )
    _add_measure(parser)
    add_data_arguments(parser, default="photos")
    add_set_argument(parser)
    return parser


def _add_measure(parser):
    parser.add_argument("--rounds", type=int, default=5, help="that count (default: 5)")
    parser.add_argument(
        "--steps",
        type=int,
        help="of a turn, whose median counts (default: 3; of --inference 10)",
    )
    parser.add_argument(
        "--threads",
        nargs="+",
        type=int,
        default=[num_cores()],
        help="cores of every process; several for a table each (default: all)",
    )
    parser.add_argument(
        "--batch_size", nargs="+", type=int, default=[1, 8], help="of --inference"
    )
    parser.add_argument(
        "--model", metavar="FILE", help="of --inference (default: untrained)"
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help="tell instead where a training step's time goes, by kind of operation",
    )
    parser.add_argument(
        "--tiny", action="store_true", help="shrink the model: to see that it runs"
    )
    parser.add_argument("--output", metavar="FILE.json", help="write the results")


def _names(text):
    return [name for name in text.split(",") if name]


def _pythons(text):
    pairs = (pair.partition("=") for pair in _names(text))
    return {name: path for name, _, path in pairs}


def _of_peers():
    texts = []
    for task, peers in PEERS.items():
        told = "; ".join(f"{name}: {text}" for name, text in peers.items())
        texts.append(f"of {task}, {told}")
    return ". ".join(texts)


def _arguments(argv):
    words = sys.argv[1:] if argv is None else argv
    arguments = _parser().parse_args(words)
    arguments.command = shlex.join(["python", "-m", "training.benchmark", *words])
    return arguments


def _check(arguments):
    for name in ("rounds", "steps", "threads", "batch_size"):
        values = getattr(arguments, name)
        for value in values if isinstance(values, list) else [values]:
            if value is not None and value < 1:
                raise InputError(f"--{name} must be at least 1; received {value}")
    if arguments.model and arguments.task != "inference":
        raise InputError("--model is of --inference: training starts from the recipe")
    if arguments.profile and (arguments.peers or arguments.task not in PROFILED):
        raise InputError("--profile is of training steps, and of our own: no --peers")
    for name, path in arguments.peers_python.items():
        if name not in LIBRARIES:
            raise unknown("name of --peers_python", name, LIBRARIES)
        if not shutil.which(path):
            raise InputError(f"--peers_python: there is no program {path!r}")
    if max(arguments.threads) > num_cores():
        raise InputError(
            f"--threads must be at most {num_cores()}, the cores that there are; "
            f"received {max(arguments.threads)}"
        )
    folder = Path(arguments.output or ".").absolute().parent
    if not folder.is_dir():
        raise InputError(f"--output: there is no folder {folder}")


def main(argv=None):
    """Runs the program; returns its results."""
    arguments = _arguments(argv)
    with one_line_errors():
        _check(arguments)
        if arguments.task == "input":
            results = _input(arguments)
        elif arguments.profile:
            results = _profile(arguments)
        else:
            results = benchmark(arguments)
            print(markdown(results))
        if arguments.output:
            text = json.dumps(results, indent=2) + "\n"
            write_atomically(Path(arguments.output), text)
    print(json.dumps(results))
    return results


if __name__ == "__main__":
    main()
