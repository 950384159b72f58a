"""Draws what mask samplers hide: `python -m training.masks --help`."""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf

import keras_mae
from keras_mae.layers import RandomMasking, UnitSampler
from keras_mae.layers.mask_samplers import SAMPLERS
from keras_mae.layers.patches import grid_of
from keras_mae.program import InputError, checking_input, one_line_errors, unknown

from .command_line import add_data_arguments, program_parser
from .pictures import grey_out, picture_grid, side_by_side
from .reconstruct import check_picture, first_images


def draw_masks(words, mask_ratio, grid_size, batch_size, seed=0):
    """Draws masks of several samplers, from the same seed.

    Args:
        words: Strings, `NAME` or `NAME:UNIT`, see `sampler_of`.
        mask_ratio: Float in `[0, 1)`.
        grid_size: `(rows, columns)` of patches.
        batch_size: Integer.
        seed: Integer.

    Returns:
        Dictionary of float32 arrays `(batch_size, rows * columns)`, 1 = hidden.
    """
    tokens = tf.zeros((batch_size, grid_size[0] * grid_size[1], 1))
    masks = {}
    for word in words:
        masking = RandomMasking(mask_ratio, sampler_of(word), grid_size)
        masks[word] = np.array(masking(tokens, seed=tf.constant([seed, 0]))["mask"])
    return masks


def sampler_of(word):
    """Returns the sampler of `NAME`, or of `NAME:UNIT` for squares of patches.

    Raises:
        InputError: No such sampler, and the error names the near ones; or a unit that
            is no positive integer.
    """
    name, colon, unit = word.partition(":")
    if name not in SAMPLERS:
        raise unknown("mask_sampler", name, SAMPLERS)
    if not colon:
        return SAMPLERS[name]()
    if not unit.isdecimal() or int(unit) < 1:
        raise InputError(
            f"a unit counts the patches on its side, as in random:2; received {word!r}"
        )
    return UnitSampler(name, int(unit))


def draw_pictures(images, preprocessing, masks, patch_size):
    """Returns originals and what each mask leaves of them, for `picture_grid`."""
    original = np.array(preprocessing.denormalise(images))
    hidden = [grey_out(original, mask, patch_size) for mask in masks.values()]
    return side_by_side([original, *hidden])


def _draw(arguments):
    grid_size = grid_of(arguments.image_size, arguments.patch_size)
    preprocessing = keras_mae.Preprocessing(arguments.image_size)
    images = first_images(
        preprocessing, arguments.data, arguments.data_dir, arguments.num
    )
    masks = draw_masks(
        arguments.mask_sampler,
        arguments.mask_ratio,
        grid_size,
        len(images),
        arguments.seed,
    )
    hidden = int(next(iter(masks.values()))[0].sum())
    note = f"{hidden} of {grid_size[0] * grid_size[1]} patches hidden in every picture"
    pictures = draw_pictures(images, preprocessing, masks, arguments.patch_size)
    grid = picture_grid(pictures, ["original", *masks], note)
    Path(arguments.output).parent.mkdir(parents=True, exist_ok=True)
    grid.save(arguments.output, format="PNG")
    return {
        "program": "masks",
        "output": arguments.output,
        "images": len(images),
        "mask_samplers": list(masks),
        "mask_ratio": arguments.mask_ratio,
        "hidden_patches": hidden,
        "patches": grid_size[0] * grid_size[1],
    }


def _arguments(argv):
    parser = program_parser(
        "Draws images and what each mask sampler hides of them, as one PNG.",
        [
            "python -m training.masks --output masks.png",
            "python -m training.masks --data folder:DIR --output masks.png "
            "--mask_ratio 0.6 --mask_sampler random block random:2",
        ],
    )
    add_data_arguments(parser, default="photos")
    parser.add_argument("--output", required=True, metavar="FILE.png")
    parser.add_argument("--num", type=int, default=3, help="images (default 3)")
    parser.add_argument("--mask_ratio", type=float, default=0.75, help="default 0.75")
    parser.add_argument(
        "--mask_sampler",
        nargs="+",
        default=[*SAMPLERS, "random:2"],
        metavar="NAME[:UNIT]",
        help=f"default: all of {', '.join(SAMPLERS)}; and random:2, squares of 2 by 2 "
        "patches",
    )
    parser.add_argument("--image_size", type=int, default=224, help="in pixels")
    parser.add_argument("--patch_size", type=int, default=16, help="in pixels")
    parser.add_argument("--seed", type=int, default=0, help="of the masks")
    return parser.parse_args(argv)


def main(argv=None):
    """Runs the program; returns its results."""
    arguments = _arguments(argv)
    with one_line_errors():
        check_picture(arguments.output, arguments.num)
        with checking_input():
            results = _draw(arguments)
    print(json.dumps(results))
    return results


if __name__ == "__main__":
    main()
