from training.epoch_table import EpochTable


def test_every_epoch_is_a_line(tmp_path):
    table = EpochTable(tmp_path / "logs" / "epochs.csv")
    table.on_epoch_end(0, {"loss": 0.5})
    table.on_epoch_end(1, {"loss": 0.25, "val_loss": 1})
    text = (tmp_path / "logs" / "epochs.csv").read_text()
    assert text == "epoch,loss,val_loss\n1,0.5,\n2,0.25,1.0\n"


def test_epochs_that_are_run_again_replace_their_lines(tmp_path):
    path = tmp_path / "epochs.csv"
    for epoch in range(3):
        EpochTable(path).on_epoch_end(epoch, {"loss": 0.5})
    EpochTable(path).on_epoch_end(1, {"loss": 0.25})
    assert path.read_text() == "epoch,loss\n1,0.5\n2,0.25\n"
