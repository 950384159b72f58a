"""Weights that their authors published for our presets: where, and what is known.

None of them are ours, and none are here: `weights.download` fetches them. The
authors print the first six digits of some md5 sums. Of the hub's files, the hub
states the sha256. Other sha256 sums and all sizes are those that people recorded who
keep a copy (Git LFS pointers, manifests). What nobody recorded is `None`.
"""

import dataclasses

BASE, LARGE, HUGE = (
    f"mae_vit_{size}" for size in ("base_patch16", "large_patch16", "huge_patch14")
)


@dataclasses.dataclass(frozen=True)
class PublishedFile:
    """One file of weights.

    Attributes:
        name: What `from_preset(preset, weights=name)` calls it.
        preset: The preset that it fits.
        url: Its address.
        parameters: Integer. Values in the file, fixed positions included.
        has_decoder: Boolean. Whether it holds a decoder beside the encoder.
        num_classes: Integer, or `None` without a classifier.
        pooling: The classifier's, or `None`.
        norm_pix_loss: Boolean. Whether its targets were normalised patch by patch,
            at the end of pre-training.
        size: Integer, in bytes, or `None` = not published.
        md5: The first digits of the md5 sum, or `None` = not published.
        sha256: The sha256 sum, or `None` = not published.
        beside: Names of files at the same address that tell more.
        licence: The licence.
    """

    name: str
    preset: str
    url: str
    parameters: int
    has_decoder: bool = False
    num_classes: int | None = None
    pooling: str | None = None
    norm_pix_loss: bool = True
    size: int | None = None
    md5: str | None = None
    sha256: str | None = None
    beside: tuple = ()
    licence: str = "CC-BY-NC 4.0: not for commercial use"

    @property
    def content(self):
        """One line: what is in the file."""
        return describe_content(self)


def describe_content(holder):
    """Returns one line about what has `has_decoder` and `num_classes`."""
    if holder.has_decoder:
        return "encoder and decoder"
    if holder.num_classes:
        return f"encoder and classifier of {holder.num_classes} classes"
    return "encoder alone"


def _authors(name, preset, path, parameters, **known):
    url = f"https://dl.fbaipublicfiles.com/mae/{path}.pth"
    return PublishedFile(f"facebook/{name}", preset, url, parameters, **known)


def _hub(preset, path, parameters, **known):
    return PublishedFile(
        "huggingface",
        preset,
        f"https://huggingface.co/facebook/{path}",
        parameters,
        has_decoder=True,
        norm_pix_loss=False,  # converted from `facebook/visualize`
        beside=("config.json",),
        licence="CC-BY-NC 4.0 as the authors' files that it was converted from "
        "(Apache-2.0 by the hub's card)",
        **known,
    )


# Encoders behind the paper's results, pre-trained for 1600 epochs.
_PRETRAIN = (
    _authors(
        "pretrain",
        BASE,
        "pretrain/mae_pretrain_vit_base",
        85_798_656,
        size=343_249_461,
        md5="8cad7c",
        sha256="aec5f0b68e5f3193a00b07bc65a37440db549c15b36b8bea242606cc40c4bc5d",
    ),
    _authors(
        "pretrain",
        LARGE,
        "pretrain/mae_pretrain_vit_large",
        303_301_632,
        size=1_213_314_565,
        md5="b8b06e",
        sha256="d2ceff4892889d0c0f5418fa8bcb02e6a25a37fc3bdc0619c3cacd7d3d05c39f",
    ),
    _authors(
        "pretrain", HUGE, "pretrain/mae_pretrain_vit_huge", 630_764_800, md5="9bdbb0"
    ),
)
# The same with their decoders: https://github.com/facebookresearch/mae/issues/8
_PRETRAIN_FULL = tuple(
    _authors(
        "pretrain_full",
        preset,
        f"pretrain/mae_pretrain_vit_{size}_full",
        parameters,
        has_decoder=True,
    )
    for preset, size, parameters in (
        (BASE, "base", 111_907_840),
        (LARGE, "large", 329_541_888),
        (HUGE, "huge", 657_074_508),
    )
)
# Of the authors' demo: trained on raw pixels, to draw pictures.
_VISUALIZE = (
    _authors(
        "visualize",
        BASE,
        "visualize/mae_visualize_vit_base",
        111_907_840,
        has_decoder=True,
        norm_pix_loss=False,
    ),
    _authors(
        "visualize",
        LARGE,
        "visualize/mae_visualize_vit_large",
        329_541_888,
        has_decoder=True,
        norm_pix_loss=False,
        size=1_318_315_181,
        sha256="d0072183ec21f3b3e50874a957254ea4d03c2d7255d0ad47aebb85a868a6bdb6",
    ),
    _authors(
        "visualize",
        HUGE,
        "visualize/mae_visualize_vit_huge",
        657_074_508,
        has_decoder=True,
        norm_pix_loss=False,
    ),
    _authors(
        "visualize_ganloss",
        LARGE,
        "visualize/mae_visualize_vit_large_ganloss",
        329_541_888,
        has_decoder=True,
        norm_pix_loss=False,
        size=1_318_315_181,
        sha256="43aa075e36851bc577d7c5fcb40de500ece09b622c80ae4e9711395a432a3061",
    ),
)
# Fine-tuned on ImageNet-1K.
_FINETUNE = (
    _authors(
        "finetune",
        BASE,
        "finetune/mae_finetuned_vit_base",
        86_567_656,
        num_classes=1000,
        pooling="gap",
        size=346_326_087,
        md5="1b25e9",
        sha256="70967075456a27c1fcc54e4d15a05112bb68f1416a50c2b500169aade59bca02",
    ),
    _authors(
        "finetune",
        LARGE,
        "finetune/mae_finetuned_vit_large",
        304_326_632,
        num_classes=1000,
        pooling="gap",
        size=1_217_415_191,
        md5="51f550",
        sha256="4c2999a2735fd1b7a2d14e45a1bf323ffb8f8d484b713720eddf593059f94da5",
    ),
    _authors(
        "finetune",
        HUGE,
        "finetune/mae_finetuned_vit_huge",
        632_045_800,
        num_classes=1000,
        pooling="gap",
        md5="2541f2",
    ),
)
# By revision, so that the sums stay true; only the base model has safetensors.
_HUGGING_FACE = (
    _hub(
        BASE,
        "vit-mae-base/resolve/25b184bea5538bf5c4c852c79d221195fdd2778d/"
        "model.safetensors",
        111_907_840,
        size=447_670_680,
        sha256="479dcef4bd5df06259399027b789f21e9d9a1b79f37155a64176d55bc26fdae8",
    ),
    _hub(
        LARGE,
        "vit-mae-large/resolve/142cb8c25e1b1bc1769997a919aa1b5a2345a6b8/"
        "pytorch_model.bin",
        329_541_888,
        size=1_318_371_301,
        sha256="28a019bd1842a7bdea1cfa9bb390047ad3fab82032cea2045873ca0399ca5a84",
    ),
    _hub(
        HUGE,
        "vit-mae-huge/resolve/1c350b6ce217e80116f0269bad12cbf6c61990f0/"
        "pytorch_model.bin",
        657_074_508,
        sha256="89404c28ea8289eaf371f926b9b947738e58135c4e094c2402b033c794414a68",
    ),
)
PUBLISHED = (*_PRETRAIN, *_PRETRAIN_FULL, *_VISUALIZE, *_FINETUNE, *_HUGGING_FACE)


def published_for(preset):
    """Returns the `PublishedFile`s of a preset by their names."""
    return {file.name: file for file in PUBLISHED if file.preset == preset}


def presets_with(weights=""):
    """Returns the presets that have weights of a name, `"facebook"` for all its."""
    return {
        file.preset
        for file in PUBLISHED
        if f"{file.name}/".startswith(f"{weights}/" if weights else "")
    }
