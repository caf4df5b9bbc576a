"""The linear recurrent unit's cell."""

import inspect
import math
import numbers
from typing import Any

import keras
from keras import ops

from keras_seqzoo.arguments import positive_integer
from keras_seqzoo.cells.linear_cell import wide
from keras_seqzoo.cells.recurrent_cell import RecurrentCell, refuse


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class LRUCell(RecurrentCell):
    """One step of the linear recurrent unit (LRU), a diagonal linear recurrence.

        λ = exp(−exp(ν) + i exp(θ))     complex, |λ| < 1
        h = λ ⊙ h' + exp(γ) ⊙ (x B)     complex
        y = Re(h C) + x D

    Only this linear part: the paper's block puts a normalisation before it, and a
    GELU, a gated linear unit and a skip connection after it.

    Weights: `nu_log` ν, `theta_log` θ and `gamma_log` γ, (units,); `kernel` B
    (features, 2·units), its real part, then its imaginary part; `output_kernel` C
    (2·units, output_units), likewise; `skip_kernel` D, (features,) and elementwise
    as in the paper, or (features, output_units) if the output is of another width.
    They start as in the paper: λ uniform on the ring r_min <= |λ| <= r_max with
    phases in [0, max_phase], exp(γ) = sqrt(1 − |λ|²).

    Args:
        units: Positive integer, the size of h.
        output_units: Positive integer, the size of y; None: that of x.
        r_min, r_max: Numbers, 0 <= r_min < r_max <= 1.
        max_phase: Number in (0, 2π], radians.
        dropout: Share of the inputs to drop, one mask for all time steps.
        seed: Integer seed of the dropout masks.
        **kwargs: Arguments of `keras.layers.Layer` (`name`, `dtype`, ...).

    Call: inputs `(batch, features)`, states `[Re h, Im h]`, each `(batch, units)`;
    returns `(y, [Re h, Im h])`.

    Source: Orvieto et al. 2023, Resurrecting Recurrent Neural Networks for Long
    Sequences, arXiv 2303.06349.
    """

    # The paper says how every weight starts, and none of them is a bias.
    unused = tuple(
        name
        for name in inspect.signature(RecurrentCell.__init__).parameters
        if name.endswith(("_initializer", "_regularizer", "_constraint"))
        or name in ("use_bias", "recurrent_dropout")
    )

    def __init__(
        self,
        units: int,
        output_units: int | None = None,
        r_min: float = 0.0,
        r_max: float = 1.0,
        max_phase: float = 6.28,
        **kwargs: Any,
    ) -> None:
        refuse("LRUCell", kwargs, self.unused)
        super().__init__(units, **kwargs)
        if output_units is not None:
            output_units = positive_integer("output_units", output_units)
        ring = all(isinstance(r, numbers.Real) for r in (r_min, r_max))
        if not ring or not 0.0 <= r_min < r_max <= 1.0:
            raise ValueError(
                "`r_min` and `r_max` must be numbers, 0 <= r_min < r_max <= 1. "
                f"Received: r_min={r_min!r}, r_max={r_max!r}"
            )
        angle = isinstance(max_phase, numbers.Real)
        if not angle or not 0.0 < max_phase <= 2.0 * math.pi:
            raise ValueError(
                "`max_phase` must be a number in (0, 2π]. "
                f"Received: max_phase={max_phase!r}"
            )
        self.output_units = output_units
        self.r_min = float(r_min)
        self.r_max = float(r_max)
        self.max_phase = float(max_phase)
        self.state_size = [self.units, self.units]
        self.output_size = output_units  # if None, known when the cell is built

    def build(self, input_shape: tuple) -> None:
        features = input_shape[-1]
        n = self.units
        elementwise = self.output_units in (None, features)
        self.output_size = self.output_units or features

        # In half precision λ would turn by another angle.
        def add_exponent(name, initializer):
            return self.add_weight(
                name=name, shape=(n,), initializer=initializer, autocast=False
            )

        def add_normal(name, shape, deviation):
            initializer = keras.initializers.RandomNormal(0.0, deviation)
            return self.add_weight(name=name, shape=shape, initializer=initializer)

        self.nu_log = add_exponent("nu_log", self._initial_nu_log)
        self.theta_log = add_exponent("theta_log", self._initial_theta_log)
        self.gamma_log = add_exponent("gamma_log", self._initial_gamma_log)
        self.kernel = add_normal("kernel", (features, 2 * n), (2 * features) ** -0.5)
        self.output_kernel = add_normal(
            "output_kernel", (2 * n, self.output_size), n**-0.5
        )
        self.skip_kernel = add_normal(
            "skip_kernel",
            (features,) if elementwise else (features, self.output_size),
            1.0 if elementwise else features**-0.5,
        )

    def _initial_nu_log(self, shape: tuple, dtype: str | None = None) -> Any:
        squared = _uniform(self.r_min**2, self.r_max**2)(shape)  # |λ|²
        squared = ops.clip(squared, 1e-7, 1.0 - 1e-7)
        return ops.cast(ops.log(-0.5 * ops.log(squared)), dtype)

    def _initial_theta_log(self, shape: tuple, dtype: str | None = None) -> Any:
        phase = ops.maximum(_uniform(0.0, self.max_phase)(shape), 1e-7)
        return ops.cast(ops.log(phase), dtype)

    def _initial_gamma_log(self, shape: tuple, dtype: str | None = None) -> Any:
        del shape
        rate = ops.exp(wide(ops.convert_to_tensor(self.nu_log)))
        return ops.cast(0.5 * ops.log(-ops.expm1(-2.0 * rate)), dtype)

    def eigenvalues(self) -> Any:
        """λ: (2·units,), the real parts, then the imaginary, in float32 at least."""
        nu_log, theta_log = (
            wide(ops.convert_to_tensor(w)) for w in (self.nu_log, self.theta_log)
        )
        size, phase = ops.exp(-ops.exp(nu_log)), ops.exp(theta_log)
        return ops.concatenate([size * ops.cos(phase), size * ops.sin(phase)])

    def drive(self, inputs: Any) -> Any:
        """exp(γ) ⊙ (x B): (..., 2·units), in float32 at least."""
        scale = ops.tile(ops.exp(self.gamma_log), 2)
        return wide(
            ops.matmul(inputs, self.kernel * ops.cast(scale, self.kernel.dtype))
        )

    def readout(self, h: Any) -> Any:
        """Re(h C) of h (..., 2·units): (..., output_units)."""
        real, imaginary = ops.split(self.output_kernel, 2, axis=0)
        kernel = ops.concatenate([real, -imaginary], axis=0)
        return ops.matmul(ops.cast(h, self.compute_dtype), kernel)

    def skip(self, inputs: Any) -> Any:
        """x D: (..., output_units)."""
        if len(self.skip_kernel.shape) == 1:
            return ops.multiply(inputs, self.skip_kernel)
        return ops.matmul(inputs, self.skip_kernel)

    def project(self, inputs: Any) -> Any:
        skip = self.skip(inputs)
        return ops.concatenate(
            [ops.cast(self.drive(inputs), skip.dtype), skip], axis=-1
        )

    def step(self, projected: Any, states: list, recurrent_dropout_mask: Any) -> Any:
        n = self.units
        b_re, b_im, skip = ops.split(projected, [n, 2 * n], axis=-1)
        a_re, a_im = ops.split(self.eigenvalues(), 2)
        h_re, h_im = map(wide, states)
        new_re = a_re * h_re - a_im * h_im + wide(b_re)  # (batch, units)
        new_im = a_re * h_im + a_im * h_re + wide(b_im)
        y = self.readout(ops.concatenate([new_re, new_im], axis=-1)) + skip
        return y, [ops.cast(h, self.compute_dtype) for h in (new_re, new_im)]

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "output_units": self.output_units,
            "r_min": self.r_min,
            "r_max": self.r_max,
            "max_phase": self.max_phase,
        }


def _uniform(low: float, high: float) -> keras.initializers.Initializer:
    return keras.initializers.RandomUniform(low, high)
