"""One training step of two networks, each on its own loss: a game in one step."""

import keras
import tensorflow as tf

DISCRIMINATOR_RATE = 0.1  # of the generator's learning rate


class AdversarialStep:
    """Lets `TrainingStep` train a `discriminator` beside what it judges.

    To stand before it; the model defines `judge(x, y_pred)`, which returns the
    adversarial losses of generator and discriminator (this replica's share), and
    `adversarial_weight`. One optimizer makes one step of all variables: those of the
    discriminator along its loss, all others along `(1 - w) * compute_loss + w *
    adversarial`, which is the `loss` of the logs.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.trackers = [
            keras.metrics.Mean(name=f"{name}_loss")
            for name in ("reconstruction", "adversarial", "discriminator")
        ]

    def make_optimizer(self, learning_rate=2e-3):
        """Returns the authors' Adam: a tenth of the rate for the discriminator.

        Args:
            learning_rate: Float or schedule, of the generator.
        """
        # On demand: optimizers know the names of weight files, which know all models.
        from ..optimizers import AdamW, adamw_arguments, pretraining_rules

        scales = adamw_arguments(self, pretraining_rules(self, 0.0))
        return AdamW(learning_rate, 0.0, 0.5, 0.999, **scales)

    def learning_rate_scale(self, variable):
        """Returns the factor of the learning rate: a tenth for the discriminator."""
        return DISCRIMINATOR_RATE if self._is_judge(variable) else 1.0

    def _part(self, data, count=1):
        """Returns the generator's loss, and everyone's gradients of its own loss."""
        _check_parts(count)
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape(persistent=True) as tape:
            y_pred = self(x, training=True)
            reconstruction = self.compute_loss(x, y, y_pred, sample_weight)
            adversarial, discriminator = self.judge(x, y_pred)
            share = self.adversarial_weight
            generator = (1 - share) * reconstruction + share * adversarial
            losses = (generator, discriminator)
            scaled = [self.optimizer.scale_loss(loss) for loss in losses]
        gradients = self._of_own_loss(tape, *scaled)
        del tape
        self._track((reconstruction, adversarial, discriminator))
        return generator, gradients

    def _of_own_loss(self, tape, generator, discriminator):
        """Returns the gradient of every variable, of its own network's loss."""
        zero, found = tf.UnconnectedGradients.ZERO, {}
        for loss, judging in ((generator, False), (discriminator, True)):
            own = [v for v in self.trainable_variables if self._is_judge(v) == judging]
            values = [variable.value for variable in own]
            gradients = tape.gradient(loss, values, unconnected_gradients=zero)
            found |= {
                v.path: gradient for v, gradient in zip(own, gradients, strict=True)
            }
        return [found[variable.path] for variable in self.trainable_variables]

    def _track(self, losses):
        """Averages this replica's losses; those of a step left out do not count."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        for tracker, loss in zip(self.trackers, losses, strict=True):
            finite = tf.cast(tf.math.is_finite(loss), tf.float32)
            loss = tf.math.multiply_no_nan(loss * replicas, finite)
            tracker.update_state(loss, sample_weight=finite)

    def _is_judge(self, variable):
        return any(v is variable for v in self.discriminator.trainable_variables)


def _check_parts(count):
    if count > 1:
        raise ValueError(
            "`accumulation_steps` and `streams` must be 1: batch norm and "
            "discriminator judge a batch as a whole. Received: "
            f"{count} parts of a batch"
        )
