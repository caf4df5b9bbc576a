"""The structurally constrained recurrent network's cell."""

import math
import numbers
from typing import Any

import keras
from keras import ops

from keras_seqzoo.arguments import positive_integer, truth
from keras_seqzoo.cells.recurrent_cell import RecurrentCell, dropped, refuse


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class SCRNCell(RecurrentCell):
    """One step of the structurally constrained recurrent network.

        s = (1 − α) x B + α s'          a slowly moving context
        h = σ(s P + x A + h' R)
        output = concat(h, s)           so that a Dense after it is h U + s V

    Weights: `context_kernel` B (features, context_units); `kernel` A (features,
    units); `context_recurrent_kernel` P (context_units, units);
    `recurrent_kernel` R (units, units); with `learn_alpha`, `alpha_logit`
    (context_units), of which α is the sigmoid.

    Args:
        units: Positive integer, the size of h.
        context_units: Positive integer, the size of s.
        alpha: α, a number in (0, 1); where it starts if it is learned.
        learn_alpha: Whether each context unit learns its own α.
        **kwargs: Arguments of `RecurrentCell`, except `use_bias`: the cell has none.

    Call: inputs `(batch, features)`, states `[h, s]`: `(batch, units)` and
    `(batch, context_units)`; returns `(concat(h, s), [h, s])`.

    Source: Mikolov et al. 2014, Learning Longer Memory in Recurrent Neural
    Networks, arXiv 1412.7753 (the paper's form: h reads the new context).
    """

    unused = ("use_bias",)

    def __init__(
        self,
        units: int,
        context_units: int = 40,
        alpha: float = 0.95,
        learn_alpha: bool = False,
        **kwargs: Any,
    ) -> None:
        refuse("SCRNCell", kwargs, self.unused)
        super().__init__(units, use_bias=False, **kwargs)
        self.context_units = positive_integer("context_units", context_units)
        if not isinstance(alpha, numbers.Real) or not 0.0 < alpha < 1.0:
            raise ValueError(f"`alpha` must be in (0, 1). Received: alpha={alpha!r}")
        self.alpha = float(alpha)
        self.learn_alpha = truth("learn_alpha", learn_alpha)
        self.state_size = [self.units, self.context_units]
        self.output_size = self.units + self.context_units

    def build(self, input_shape: tuple) -> None:
        features = input_shape[-1]
        self.context_kernel = self.add_kernel(
            "context_kernel", (features, self.context_units)
        )
        self.kernel = self.add_kernel("kernel", (features, self.units))
        self.context_recurrent_kernel = self.add_kernel(
            "context_recurrent_kernel", (self.context_units, self.units)
        )
        self.recurrent_kernel = self.add_recurrent_kernel(
            "recurrent_kernel", (self.units, self.units)
        )
        if self.learn_alpha:
            logit = math.log(self.alpha / (1.0 - self.alpha))
            self.alpha_logit = self.add_weight(
                name="alpha_logit",
                shape=(self.context_units,),
                initializer=keras.initializers.Constant(logit),
            )

    def decay(self) -> Any:
        """α: a number, or a tensor (context_units,) if it is learned."""
        return ops.sigmoid(self.alpha_logit) if self.learn_alpha else self.alpha

    def project(self, inputs: Any) -> Any:
        context = (1.0 - self.decay()) * ops.matmul(inputs, self.context_kernel)
        return ops.concatenate([ops.matmul(inputs, self.kernel), context], axis=-1)

    def step(self, projected: Any, states: list, recurrent_dropout_mask: Any) -> Any:
        h, s = states
        x_a, x_b = ops.split(projected, [self.units], axis=-1)
        s = x_b + self.decay() * s  # (batch, context_units)
        h = ops.sigmoid(
            ops.matmul(s, self.context_recurrent_kernel)
            + x_a
            + ops.matmul(dropped(h, recurrent_dropout_mask), self.recurrent_kernel)
        )  # (batch, units)
        return ops.concatenate([h, s], axis=-1), [h, s]

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "context_units": self.context_units,
            "alpha": self.alpha,
            "learn_alpha": self.learn_alpha,
        }
