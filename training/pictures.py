"""Pictures of what a masked autoencoder sees, predicts, and how it compares."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

COLUMNS = ("original", "masked", "reconstruction", "pasted")
GREY = 128.0  # of hidden patches
MARGIN, HEADER, MIN_SIDE = 4, 22, 112


def reconstruction_pictures(model, images, mask=None, statistics="true"):
    """Returns the four pictures of every image.

    Args:
        model: A `MaskedAutoencoder` or `MaskTokenAutoencoder`.
        images: Float array `(batch, height, width, channels)`, normalised.
        mask: Optional array `(batch, num_patches)`, 1 = hidden.
        statistics: `"true"` or `"visible"`, see `MaskedAutoencoder.reconstruct`.

    Returns:
        Uint8 array `(batch, 4, height, width, 1 or 3)`, in the order of `COLUMNS`.
    """
    pictures = model.reconstruct(images, mask, statistics)
    original = np.array(model.preprocessing.denormalise(images))
    masked = grey_out(original, pictures["mask"], model.patchify.patch_size)
    return side_by_side(
        [original, masked, pictures["reconstruction"], pictures["pasted"]]
    )


def grey_out(pixels, mask, patch_size):
    """Returns pixels `(batch, height, width, channels)` with hidden patches grey.

    Args:
        pixels: Float array in [0, 255].
        mask: Array `(batch, num_patches)`, 1 = hidden.
        patch_size: Integer.
    """
    rows, columns = (side // patch_size for side in pixels.shape[1:3])
    hidden = np.array(mask).reshape(-1, rows, columns, 1)
    hidden = hidden.repeat(patch_size, 1).repeat(patch_size, 2)
    return pixels * (1 - hidden) + GREY * hidden


def side_by_side(pictures):
    """Stacks pictures for `picture_grid`.

    Args:
        pictures: Arrays `(batch, height, width, channels)` in [0, 255], one a column.

    Returns:
        Uint8 array `(batch, columns, height, width, 1 or 3)`.
    """
    shown = [_visible_channels(np.array(picture)) for picture in pictures]
    stacked = np.nan_to_num(np.stack(shown, axis=1))  # of a model that has diverged
    return np.rint(stacked).astype("uint8")


def statistics_note(model, statistics="true"):
    """Returns a line on whose statistics made the pictures, `None` for raw targets."""
    if not model.norm_pix_loss:
        return None
    if statistics == "visible":
        return "normalised targets; brightness and contrast: mean of visible patches"
    return "normalised targets; brightness and contrast: TRUE values of hidden patches"


def picture_grid(pictures, columns=COLUMNS, footer=None):
    """Lays pictures out, a row an image, under column titles.

    Args:
        pictures: Uint8 array `(rows, columns, height, width, 1 or 3)`.
        columns: Titles.
        footer: Optional line under the grid.

    Returns:
        A `PIL.Image.Image`; pictures smaller than 112 px are enlarged.
    """
    rows, _, height, width, _ = pictures.shape
    zoom = math.ceil(MIN_SIDE / min(height, width))
    cell = (width * zoom + MARGIN, height * zoom + MARGIN)
    size = (
        len(columns) * cell[0] + MARGIN,
        rows * cell[1] + HEADER * (1 if footer is None else 2) + MARGIN,
    )
    grid = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(grid), ImageFont.load_default(13)
    for column, title in enumerate(columns):
        left = MARGIN + column * cell[0]
        draw.text((left, 3), title, "black", font)
        for row in range(rows):
            picture = Image.fromarray(pictures[row, column].squeeze()).convert("RGB")
            picture = picture.resize((width * zoom, height * zoom), Image.NEAREST)
            grid.paste(picture, (left, HEADER + row * cell[1]))
    if footer is not None:
        draw.text((MARGIN, HEADER + rows * cell[1]), footer, "black", font)
    return grid


def _visible_channels(pixels):
    """Grey stays grey, and of more than three channels the first three are shown."""
    return pixels[..., :1] if pixels.shape[-1] < 3 else pixels[..., :3]
