import pytest

from export.serving.model_config import read_model_config
from export.serving.model_store import ModelStore
from keras_mae.program import InputError


def test_newest_version_is_found_by_default(store):
    assert store.find("vit").version == 1
    assert store.find("vit", 1) is store.find("vit", None, "stable")
    assert store.list("vit") == [1]


def test_folders_without_versions_are_refused(tmp_path, saved_model):
    with pytest.raises(InputError, match="holds no version; name the folder that"):
        ModelStore(tmp_path)
    with pytest.raises(InputError, match=r"has no version 3; it has \[1\]"):
        ModelStore(saved_model.parent, versions=[3])


def test_labels_of_versions_that_are_not_loaded_are_refused(saved_model):
    with pytest.raises(InputError, match="label canary stands for version 2"):
        ModelStore(saved_model.parent, labels={"canary": 2})


def test_configuration_gives_versions_and_labels(tmp_path):
    path = tmp_path / "models.config"
    path.write_text(
        'model_config_list { config { name: "vit" model_version_policy { '
        "specific { versions: 1 versions: 2 } } "
        'version_labels { key: "stable" value: 1 } } }'
    )
    assert read_model_config(path, "served/vit") == ([1, 2], {"stable": 1})
    assert read_model_config(None, "served/vit") == ([], {})
    with pytest.raises(
        InputError, match=r"does not name the model dog; it has \['vit'\]"
    ):
        read_model_config(path, "served/dog")


def test_unreadable_configuration_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read_model_config(tmp_path / "absent", "vit")
    (tmp_path / "bad").write_text("model {")
    with pytest.raises(InputError, match="is no model configuration"):
        read_model_config(tmp_path / "bad", "vit")
