"""AdamW as the original runs it."""

import keras
import tensorflow as tf
from keras import ops

from ..keras_hooks import UpdateHooks, moments_of
from .rules import is_decayed


@keras.saving.register_keras_serializable(package="keras_mae")
class AdamW(UpdateHooks, keras.optimizers.AdamW):
    """`keras.optimizers.AdamW` with the original's rules and defaults.

    Without tables, the rules are those of pre-training: one learning rate; biases,
    norms and other vectors are not decayed, class and mask tokens are. Epsilon is
    added to the bias-corrected root, as in torch, so that steps on tiny gradients
    agree as well (Keras adds it before the correction).

    Args:
        learning_rate: Float or schedule.
        weight_decay, beta_1, beta_2, epsilon: Floats.
        learning_rate_scales: Dictionary of the paths of all variables and a factor of
            the learning rate each, or `None`; see `adamw_arguments`.
        weight_decays: Dictionary of the paths of all variables and the weight decay of
            each, instead of `weight_decay`, or `None`.

    Raises:
        ValueError: When built, variables and the paths of a table are not the same.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), table 8;
        [Loshchilov and Hutter, 2017](https://arxiv.org/abs/1711.05101).
    """

    def __init__(
        self,
        learning_rate=1e-3,
        weight_decay=0.05,
        beta_1=0.9,
        beta_2=0.95,
        epsilon=1e-8,
        learning_rate_scales=None,
        weight_decays=None,
        **kwargs,
    ):
        super().__init__(learning_rate, weight_decay, beta_1, beta_2, epsilon, **kwargs)
        self.learning_rate_scales = learning_rate_scales
        self.weight_decays = weight_decays

    def build(self, variables):
        if not self.built:
            scales = _in_order("learning_rate_scales", self, variables)
            self._scales = scales or [1.0] * len(variables)
            self._decays = _in_order("weight_decays", self, variables) or [
                (self.weight_decay or 0.0) * is_decayed(variable)
                for variable in variables
            ]
        super().build(variables)

    def shared(self, learning_rate):
        """Returns the scalars that are those of all variables alike."""
        step = ops.cast(self.iterations + 1, "float32")
        beta_1_power, beta_2_power = (
            ops.power(ops.cast(beta, "float32"), step)
            for beta in (self.beta_1, self.beta_2)
        )
        epsilon = self.epsilon * ops.sqrt(1 - beta_2_power)
        return learning_rate, beta_1_power, beta_2_power, epsilon

    def update_step(self, gradient, variable, scalars):
        place, dtype = self.place_of(variable), variable.dtype
        learning_rate, beta_1_power, beta_2_power, epsilon = (
            ops.cast(scalar, dtype) for scalar in scalars
        )
        if self._scales[place] != 1:
            learning_rate *= self._scales[place]
        if self._decays[place] and self.may_decay(variable):
            kept = 1 - learning_rate * self._decays[place]
            self.assign(variable, variable * kept)
        momentum, velocity = moments_of(self, place)
        # One pass over memory, where separate ops make a dozen.
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(momentum),
            v=_handle(velocity),
            beta1_power=beta_1_power,
            beta2_power=beta_2_power,
            lr=learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=epsilon,
            grad=ops.cast(gradient, dtype),
        )

    def get_config(self):
        tables = {
            name: None if (table := getattr(self, name)) is None else dict(table)
            for name in ("learning_rate_scales", "weight_decays")
        }
        return {**super().get_config(), **tables}


def _in_order(name, optimizer, variables):
    """Returns a table's values in the order of the variables, `None` without one."""
    table = getattr(optimizer, name)
    if table is None:
        return None
    paths = [variable.path for variable in variables]
    if set(paths) != set(table) or len(paths) != len(table):
        raise ValueError(
            f"`{name}` must name every variable once and nothing else. Missing: "
            f"{sorted(set(paths) - set(table))}; unknown: "
            f"{sorted(set(table) - set(paths))}"
        )
    return [float(table[path]) for path in paths]


def _handle(variable):
    if isinstance(variable, keras.Variable):
        variable = variable.value
    return variable.handle
