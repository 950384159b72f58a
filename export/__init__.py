"""Programs that ship encoders: `python -m export.to_saved_model --help`."""

import os

# Both are read when TensorFlow is first imported. Its notes would bury the program's
# own; what is compared and timed here multiplies by oneDNN, as training does.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
