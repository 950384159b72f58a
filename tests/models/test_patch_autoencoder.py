"""What is asked of every autoencoder of patches."""

import numpy as np
import pytest

from .steps import autoencoder, context_encoder, inpainter, mask_tokens

SWAPPED = np.zeros((4, 24, 16, 3), "float32")
MATCH = "height x width, 16 x 24: .* Received: 24 x 16"


@pytest.mark.parametrize("make", [autoencoder, mask_tokens, context_encoder, inpainter])
def test_images_of_another_size_are_refused(make):
    model = make()
    model.compile("sgd")
    for call in (model, model.train_on_batch, model.reconstruct):
        with pytest.raises(ValueError, match=MATCH):
            call(SWAPPED)


def test_the_loss_of_images_of_another_size_is_refused(images):
    model = autoencoder()
    with pytest.raises(ValueError, match=MATCH):
        model.compute_loss(x=SWAPPED, y_pred=model(images))
