"""The command `keras-mae`: it sets what TensorFlow reads when it is first imported.

It lies beside the package, because importing anything of `keras_mae` imports
TensorFlow; a script that imports the package chooses by itself.
"""

import os


def main(argv=None):
    """Runs `keras-mae PROGRAM ...`; see `keras-mae --help`."""
    # As in training/__init__.py, which says why.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    from keras_mae import cli

    cli.main(argv)
