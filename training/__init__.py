"""Programs that train and judge: `python -m training.pretrain --help`."""

import os

# Read when TensorFlow is first imported: its notes would bury the program's own.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
