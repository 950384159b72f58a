"""Runs that are interrupted where tests want them to be."""

import contextlib

import pytest

from training.checkpoint import Checkpoint


@contextlib.contextmanager
def stopped_before_second_save():
    """Runs inside stop when their second epoch is about to be saved."""
    with pytest.MonkeyPatch.context() as patch:
        save = Checkpoint.on_epoch_end

        def stop(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt
            save(self, epoch, logs)

        patch.setattr(Checkpoint, "on_epoch_end", stop)
        yield
