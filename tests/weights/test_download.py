"""Downloads: checked, kept once, and never half a file."""

import pytest

from keras_mae.program import InputError
from keras_mae.published import published_for
from keras_mae.weights.download import fetch_address, fetch_published

from .conftest import publish
from .file_server import running_server


def visualize():
    return published_for("golden")["facebook/visualize"]


def kept(tmp_path):
    """Returns what the cache holds, folders without files aside."""
    return [path.name for path in (tmp_path / "home").rglob("*") if path.is_file()]


def test_a_file_is_downloaded_once(server):
    path, is_new = fetch_published(visualize())
    assert is_new
    assert path.read_bytes() == server.files["/mae_visualize_vit_golden.pth"]
    assert fetch_published(visualize()) == (path, False)
    assert server.requests == ["/mae_visualize_vit_golden.pth"]


def test_the_configuration_is_downloaded_beside_the_hubs_file(server):
    file = published_for("golden")["huggingface"]
    path, _ = fetch_published(file)
    assert (path.parent / "config.json").read_bytes() == server.files[
        "/hub/config.json"
    ]
    fetch_published(file)
    assert server.requests == ["/hub/model.safetensors", "/hub/config.json"]


def test_a_file_put_there_by_hand_is_not_downloaded(server, tmp_path):
    path = tmp_path / "home/models/keras_mae/golden/facebook/visualize"
    path.mkdir(parents=True)
    path /= "mae_visualize_vit_golden.pth"
    path.write_bytes(server.files["/mae_visualize_vit_golden.pth"])
    assert fetch_published(visualize()) == (path, False)
    assert server.requests == []


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"sha256": "0" * 64}, f"expected the sha256 {'0' * 64}. Received: [0-9a-f]"),
        ({"sha256": None, "md5": "00000z"}, "expected the md5 00000z. Received: "),
        ({"size": 5}, r"expected 5 bytes. Received: \d+"),
    ],
)
def test_another_file_is_refused_and_deleted(
    server, monkeypatch, tmp_path, wrong, match
):
    publish(server, monkeypatch, **wrong)
    with pytest.raises(InputError, match=f"http.*golden.pth did not give.*{match}"):
        fetch_published(visualize())
    assert kept(tmp_path) == []


def test_a_connection_that_breaks_off_leaves_nothing(server, tmp_path):
    server.cut = 1000
    with pytest.raises(InputError, match="cannot download.*got only .* bytes.*Nothing"):
        fetch_published(visualize())
    assert kept(tmp_path) == []
    server.cut = 0
    assert fetch_published(visualize())[1]


@pytest.mark.parametrize("name", ["facebook/visualize", "huggingface"])
def test_half_a_file_is_noticed_where_nothing_is_known_of_it(
    server, monkeypatch, tmp_path, name
):
    publish(server, monkeypatch, size=None, md5=None, sha256=None)
    server.cut, server.tells_length = 1000, False
    with pytest.raises(InputError, match="did not give .*: it is truncated"):
        fetch_published(published_for("golden")[name])
    assert kept(tmp_path) == []


def test_a_page_instead_of_a_configuration_is_refused(server, tmp_path):
    server.files["/hub/config.json"] = b"<html>Please log in</html>"
    with pytest.raises(InputError, match="config.json did not give .* JSON cannot be"):
        fetch_published(published_for("golden")["huggingface"])
    assert kept(tmp_path) == ["model.safetensors"]


def test_a_file_that_was_damaged_in_the_cache_is_downloaded_again(server, capsys):
    path, _ = fetch_published(visualize())
    path.write_bytes(b"PK")
    assert fetch_published(visualize()) == (path, True)
    assert path.read_bytes() == server.files["/mae_visualize_vit_golden.pth"]
    assert "is not what http" in capsys.readouterr().out


def test_a_missing_file_is_one_clear_error(server, tmp_path):
    server.files.clear()
    with pytest.raises(InputError) as error:
        fetch_published(visualize())
    place = tmp_path / "home/models/keras_mae/golden/facebook/visualize"
    assert str(error.value) == (
        f"cannot download {visualize().url} (HTTP Error 404: Not Found). Nothing of it "
        f"was kept: try again, or put the file at {place}/mae_visualize_vit_golden.pth "
        "by other means"
    )


def test_without_network_it_is_one_clear_error(server):
    with running_server() as closed:
        url = closed.url("/a.pth")
    with pytest.raises(InputError, match="cannot download http.*refused.*put the file"):
        fetch_address(url)


def test_a_cache_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "home").write_text("not a folder")
    with pytest.raises(InputError, match="cannot make the folder .*home/models"):
        fetch_published(visualize())


def test_files_of_any_address_are_kept_by_it(server):
    url = server.url("/gap.pth?download=true")
    server.files["/gap.pth?download=true"] = server.files["/gap.pth"]
    path, is_new = fetch_address(url)
    assert (path.name, is_new) == ("gap.pth", True)
    assert fetch_address(url) == (path, False)


def test_addresses_of_other_files_are_refused(server):
    with pytest.raises(InputError, match=r"address of a \.pth, .* Received: .*/a\.zip"):
        fetch_address(server.url("/a.zip"))
    assert server.requests == []
