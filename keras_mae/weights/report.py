"""What was found in a weight file, to print."""

import dataclasses

_LICENCE = (
    "weights that the authors of MAE released (facebookresearch/mae, and "
    "facebook/vit-mae-* on the Hugging Face hub) are CC-BY-NC 4.0, not for "
    "commercial use; files that you trained yourself are yours"
)


@dataclasses.dataclass(frozen=True)
class Report:
    """What a weight file holds and what was made of it; `str` gives the text.

    Attributes:
        path: String, the file.
        layout: Its format.
        spelling: Whose names its tensors have.
        content: What it holds: encoder, decoder, classifier.
        config: Dictionary of the architecture; `None` = not told by the file.
        parameters: Integer. Number of values in its tensors.
        norm_pix_loss: Boolean, or `None` where that is not known.
        notes: What was changed on loading.
        ignored: Dictionary of tensors that are not used, and why.
        random: Names of weights that the file lacks and that stay random.
        licence: What is known of its licence.
    """

    path: str
    layout: str
    spelling: str
    content: str
    config: dict
    parameters: int
    norm_pix_loss: bool | None = None
    notes: tuple = ()
    ignored: dict = dataclasses.field(default_factory=dict)
    random: tuple = ()
    licence: str = _LICENCE

    def __str__(self):
        lines = {
            "format": self.layout,
            "names": self.spelling,
            "content": f"{self.content}, {self.parameters:,} values",
            "sizes": ", ".join(f"{k}={_text(v)}" for k, v in self.config.items()),
            "targets": _TARGETS[self.norm_pix_loss],
            "changed": "; ".join(self.notes),
            "ignored": "; ".join(_grouped(self.ignored)),
            "random": ", ".join(self.random),
            "licence": self.licence,
        }
        told = [f"  {name:8} {text}" for name, text in lines.items() if text]
        return "\n".join([self.path, *told])


def _grouped(reasons):
    """One text a reason: a decoder that is left out has hundreds of tensors."""
    names = {}
    for name, reason in reasons.items():
        names.setdefault(reason, []).append(name)
    for reason, keys in names.items():
        more = f" and {len(keys) - 4} more" if len(keys) > 4 else ""
        yield f"{', '.join(keys[:4])}{more} ({reason})"


def _text(value):
    return "not told" if value is None else str(value)


_TARGETS = {
    True: "normalised patch by patch (norm_pix_loss)",
    False: "raw pixels",
    None: "not known whether they were normalised (norm_pix_loss)",
}
