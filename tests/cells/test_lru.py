"""Two steps of the LRU in complex numbers, its first weights, and its bad values."""

import cmath

import keras
import numpy as np
import pytest

from keras_seqzoo.cells import LRUCell
from keras_seqzoo.layers import LRU

each = pytest.mark.parametrize("made", [LRUCell, LRU])
NAMES = ["nu_log", "theta_log", "gamma_log", "kernel", "output_kernel", "skip_kernel"]


@pytest.mark.parametrize("output_units", [None, 1])
def test_two_steps_from_a_state(output_units):
    cell = LRUCell(1, output_units)
    cell.build((None, 1))
    assert [weight.name for weight in cell.weights] == NAMES
    weights = [-0.5], [0.25], [-1.0], [[1.5, -0.5]], [[2.0], [0.75]], [0.3]
    cell.set_weights([np.array(weight) for weight in weights])
    eigenvalue = cmath.exp(-cmath.exp(-0.5) + 1j * cmath.exp(0.25))
    h = -0.5 + 0.25j
    states = [np.array([[h.real]]), np.array([[h.imag]])]
    for x in (1.0, -2.0):
        h = eigenvalue * h + cmath.exp(-1.0) * (1.5 - 0.5j) * x
        y = ((2.0 + 0.75j) * h).real + 0.3 * x
        output, states = cell(np.array([[x]]), states)
        np.testing.assert_allclose(output, [[y]], 0, 1e-6)
        np.testing.assert_allclose(states, [[[h.real]], [[h.imag]]], 0, 1e-6)


def weights_of(cell, features):
    cell.build((None, features))
    return {w.name: np.asarray(w, "float64") for w in cell.weights}


@pytest.mark.parametrize("r_min, r_max", [(0.0, 1.0), (0.9, 0.999)])
@pytest.mark.parametrize("max_phase", [6.28, 0.314])
def test_weights_start_as_in_the_paper(r_min, r_max, max_phase):
    keras.utils.set_random_seed(0)
    n, features, outputs = 4000, 16, 8
    cell = LRUCell(n, outputs, r_min=r_min, r_max=r_max, max_phase=max_phase)
    w = weights_of(cell, features)
    size, phase = np.exp(-np.exp(w["nu_log"])), np.exp(w["theta_log"])
    # Uniform in area on the ring, and around it.
    area = (size**2 - r_min**2) / (r_max**2 - r_min**2)
    for uniform in (area, phase / max_phase):
        assert uniform.min() > -1e-4 and uniform.max() < 1 + 1e-4
        np.testing.assert_allclose(
            np.quantile(uniform, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], 0, 0.03
        )
    np.testing.assert_allclose(np.exp(w["gamma_log"]), np.sqrt(1 - size**2), 1e-2, 1e-6)
    for name, deviation in [
        ("kernel", (2 * features) ** -0.5),
        ("output_kernel", n**-0.5),
        ("skip_kernel", features**-0.5),
    ]:
        assert abs(w[name].mean()) < 0.1 * deviation
        np.testing.assert_allclose(w[name].std(), deviation, 0.15)


def test_skip_is_elementwise_if_widths_agree():
    keras.utils.set_random_seed(0)
    skip = weights_of(LRUCell(2), 3000)["skip_kernel"]
    assert skip.shape == (3000,)
    np.testing.assert_allclose([skip.mean(), skip.std()], [0, 1], 0, 0.1)
    assert weights_of(LRUCell(2, 5), 5)["skip_kernel"].shape == (5,)
    assert weights_of(LRUCell(2, 4), 5)["skip_kernel"].shape == (5, 4)


def test_first_weights_are_finite_at_the_ends_of_the_ring():
    for r_min, r_max in [(0.0, 1e-6), (0.9999999, 1.0)]:
        w = weights_of(LRUCell(100, r_min=r_min, r_max=r_max, max_phase=1e-9), 3)
        assert all(np.isfinite(value).all() for value in w.values())


def test_seed_repeats_the_first_weights():
    def draw():
        keras.utils.set_random_seed(3)
        return weights_of(LRUCell(8), 3)

    first, second = draw(), draw()
    for name in NAMES:
        np.testing.assert_array_equal(first[name], second[name])


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_eigenvalues_keep_their_digits_in_mixed_precision(dtype):
    layer = LRU(6, return_state=True, dtype=dtype)
    plain = LRU(6, return_state=True)
    for made in (layer, plain):
        made.build((None, None, 3))
    layer.set_weights(plain.get_weights())
    x = np.zeros((1, 1000, 3), "float32")  # nothing but λ^1000
    plain.cell.nu_log.assign(np.full(6, np.log(1e-3)))
    layer.cell.nu_log.assign(plain.cell.nu_log)
    start = [np.full((1, 6), v, "float32") for v in (0.5, -0.25)]
    for half, whole in zip(
        layer(x, initial_state=start)[1:], plain(x, initial_state=start)[1:]
    ):
        half = np.asarray(half).astype("float32")
        np.testing.assert_allclose(half, whole, 0, 2e-3)


def test_output_width():
    assert LRU(4).compute_output_shape((2, 5, 3)) == (2, 3)
    layer = LRU(4, output_units=6, return_sequences=True)
    assert layer.compute_output_shape((2, 5, 3)) == (2, 5, 6)
    both = keras.layers.Bidirectional(LRU(4, return_sequences=True))
    assert both.compute_output_shape((2, 5, 3)) == (2, 5, 6)


@each
@pytest.mark.parametrize(
    "r_min, r_max",
    [(-0.1, 1), (0.5, 0.5), (0.9, 0.1), (0, 1.1), (float("nan"), 1), (None, 1)],
)
def test_ring_must_be_inside_the_unit_circle(made, r_min, r_max):
    with pytest.raises(ValueError, match=f"r_min={r_min!r}, r_max={r_max!r}") as error:
        made(4, r_min=r_min, r_max=r_max)
    assert "\n" not in str(error.value)


@each
@pytest.mark.parametrize("max_phase", [0, -1.0, 7.0, float("nan"), "x", None])
def test_max_phase_must_be_an_angle(made, max_phase):
    with pytest.raises(ValueError, match=f"max_phase={max_phase!r}") as error:
        made(4, max_phase=max_phase)
    assert "\n" not in str(error.value)


@each
@pytest.mark.parametrize("output_units", [0, -3, 2.5])
def test_output_units_must_be_a_positive_integer(made, output_units):
    with pytest.raises(ValueError, match=f"output_units={output_units}") as error:
        made(4, output_units=output_units)
    assert "\n" not in str(error.value)
