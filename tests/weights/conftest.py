"""Where a file lies, and published weights of a tiny preset, on a local server."""

import hashlib

import pytest

from keras_mae import presets, published
from keras_mae.presets import Preset
from keras_mae.published import PublishedFile

from ..parity.golden import FOLDER
from .file_server import running_server
from .tensors import encoder_tensors
from .weight_files import save_zip, views

GOLDEN = Preset(
    "of the golden arrays",
    0,
    {
        "image_size": 32,
        "patch_size": 8,
        "embed_dim": 48,
        "depth": 3,
        "num_heads": 4,
        "decoder_embed_dim": 32,
        "decoder_depth": 2,
        "decoder_num_heads": 4,
    },
)
# Name, file, and what it holds.
FILES = {
    "facebook/pretrain": ("/mae_pretrain_vit_golden.pth", {}),
    "facebook/visualize": ("/mae_visualize_vit_golden.pth", {"has_decoder": True}),
    "facebook/finetune": ("/gap.pth", {"num_classes": 7, "pooling": "gap"}),
    "huggingface": (
        "/hub/model.safetensors",
        {"has_decoder": True, "beside": ("config.json",)},
    ),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.pth"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A `FileServer` of the files that the preset `golden` has published."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setitem(presets.PRESETS, "golden", GOLDEN)
    save_zip(tmp_path / "encoder.pth", views(encoder_tensors()))
    with running_server() as server:
        server.files = {
            "/mae_pretrain_vit_golden.pth": (tmp_path / "encoder.pth").read_bytes(),
            "/mae_visualize_vit_golden.pth": (FOLDER / "mae.pth").read_bytes(),
            "/gap.pth": (FOLDER / "vit_gap.pth").read_bytes(),
            "/hub/model.safetensors": (FOLDER / "hf/model.safetensors").read_bytes(),
            "/hub/config.json": (FOLDER / "hf/config.json").read_bytes(),
        }
        publish(server, monkeypatch)
        yield server


def publish(server, monkeypatch, **changes):
    """Makes the table name the server's files; `changes` are made to every row."""
    rows = []
    for name, (path, known) in FILES.items():
        data = server.files[path]
        known = known | {"size": len(data), "md5": hashlib.md5(data).hexdigest()[:6]}
        known["sha256"] = hashlib.sha256(data).hexdigest()
        known |= changes
        rows.append(PublishedFile(name, "golden", server.url(path), 0, **known))
    monkeypatch.setattr(published, "PUBLISHED", tuple(rows))
