"""Programs that train and judge masked autoencoders: `python -m training.pretrain --help`."""

import os

# Read when TensorFlow is first imported: its start-up notes would bury the program's own.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
