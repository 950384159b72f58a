"""Draws what a model predicts of hidden patches: `python -m training.reconstruct`."""

import json
from pathlib import Path

import tensorflow as tf

import keras_mae
from keras_mae.layers import RandomMasking
from keras_mae.layers.mask_samplers import SAMPLERS
from keras_mae.models.patch_autoencoder import PatchAutoencoder
from keras_mae.program import InputError, checking_input, one_line_errors, unknown

from .command_line import add_data_arguments, program_parser
from .data import load_source
from .data.decoding import pixels_of
from .data.reading import parallel_map
from .pictures import picture_grid, reconstruction_pictures, statistics_note


def reconstruct(
    model, images, output, mask_ratio=None, mask_sampler=None, seed=0, statistics="true"
):
    """Writes a PNG of original, masked, reconstruction and pasted, a row an image.

    Args:
        model: A `MaskedAutoencoder` or `MaskTokenAutoencoder`.
        images: Float tensor `(batch, height, width, channels)`, normalised.
        output: Path of the PNG.
        mask_ratio, mask_sampler: `None` for the model's own.
        seed: Integer, of the masks.
        statistics: `"true"` or `"visible"`, see `MaskedAutoencoder.reconstruct`.

    Returns:
        A dictionary of results.
    """
    masking = RandomMasking(
        model.mask_ratio if mask_ratio is None else mask_ratio,
        mask_sampler or model.masking.mask_sampler,
        model.masking.grid_size,
    )
    patches = model.patchify(images)
    mask = masking(patches, seed=tf.constant([seed, 0]))["mask"]
    outputs = model({"images": images, "mask": mask})
    loss = model.compute_loss(x=images, y_pred=outputs, training=False)
    note = statistics_note(model, statistics)
    grid = picture_grid(
        reconstruction_pictures(model, images, mask, statistics), footer=note
    )
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    grid.save(output, format="PNG")
    return {
        "program": "reconstruct",
        "output": str(output),
        "images": len(images),
        "loss": float(loss),
        "statistics": statistics if model.norm_pix_loss else None,
        "note": note,
    }


def _load(path):
    model = keras_mae.load(path, compile=False)
    if not isinstance(model, PatchAutoencoder):
        raise InputError(
            f"{path} holds a {type(model).__name__}; reconstructing needs a "
            "MaskedAutoencoder or a MaskTokenAutoencoder, which predict pixels"
        )
    return model


def first_images(preprocessing, data, data_dir, num):
    """Returns the first images of a data set, held-out ones if there are any.

    Args:
        preprocessing: A `Preprocessing`.
        data, data_dir: See `training.data.load_source`.
        num: Integer.

    Returns:
        Float tensor `(num or fewer, height, width, channels)`, normalised.

    Raises:
        InputError: There are no such data, or no readable image among them.
    """
    try:
        source = load_source(data, "test", data_dir, check=False)
    except InputError:  # photographs without classes are all for training
        source = load_source(data, "train", data_dir, check=False)

    def read(*reference):
        return preprocessing(pixels_of(source.read(*reference)["image"], preprocessing))

    # As many as are drawn are read, and what cannot be read is left out.
    images = parallel_map(source.order(), read).ignore_errors(log_warning=True)
    for batch in images.batch(num).take(1):
        return batch
    raise InputError(
        f"none of the {source.num_examples} images of {source.name} can be read; "
        "expected intact JPEG, PNG or BMP files"
    )


def check_picture(output, num):
    """Checks the name of a PNG and the number of images in it.

    Raises:
        InputError: One of them cannot be used.
    """
    if num < 1:
        raise InputError(f"--num must be at least 1; received {num}")
    if Path(output).suffix.lower() != ".png":
        raise InputError(f"--output must end in .png; received {output}")


def _check(arguments):
    if arguments.mask_sampler not in (None, *SAMPLERS):
        raise unknown("mask_sampler", arguments.mask_sampler, SAMPLERS)
    check_picture(arguments.output, arguments.num)


def _arguments(argv):
    parser = program_parser(
        "Draws images, what the model saw of them, and what it predicted, as one PNG.",
        [
            "python -m training.reconstruct --model runs/demo/model.keras --data demo "
            "--output reconstructions.png",
            "python -m training.reconstruct --model model.keras --data folder:DIR "
            "--output r.png --mask_ratio 0.9 --mask_sampler block --statistics visible",
        ],
    )
    parser.add_argument("--model", required=True, help="a pre-trained model's .keras")
    add_data_arguments(parser)
    parser.add_argument("--output", required=True, metavar="FILE.png")
    parser.add_argument("--num", type=int, default=8, help="images (default 8)")
    parser.add_argument("--mask_ratio", type=float, help="default: the model's")
    parser.add_argument("--mask_sampler", help=f"one of: {', '.join(SAMPLERS)}")
    parser.add_argument("--seed", type=int, default=0, help="of the masks")
    parser.add_argument(
        "--statistics",
        choices=("true", "visible"),
        default="true",
        help="with normalised targets: brightness and contrast of a hidden patch are "
        "its own true ones, which the model never saw, or the visible patches' mean",
    )
    return parser.parse_args(argv)


def main(argv=None):
    """Runs the program; returns its results."""
    arguments = _arguments(argv)
    with one_line_errors():
        _check(arguments)
        model = _load(arguments.model)
        images = first_images(
            model.preprocessing, arguments.data, arguments.data_dir, arguments.num
        )
        with checking_input():
            results = reconstruct(
                model,
                images,
                arguments.output,
                arguments.mask_ratio,
                arguments.mask_sampler,
                arguments.seed,
                arguments.statistics,
            )
    if results["note"]:
        print(results["note"])
    print(json.dumps(results))
    return results


if __name__ == "__main__":
    main()
