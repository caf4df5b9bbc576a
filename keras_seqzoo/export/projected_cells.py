"""Cells in a form that suits export better than their own `call`.

Keras' own have `x @ kernel` taken out of the loop: the equations are those of the
cells' `call`, cut where it multiplies by the kernel. The clockwork cell is cut into
its modules.
"""

from typing import Any

from keras import layers, ops

from keras_seqzoo.cells.clockwork_rnn import ClockworkRNNCell
from keras_seqzoo.layers.nested_loop import nested_loop


def projected(
    layer: layers.RNN, sequences: Any, initial_state: list, mask: Any
) -> tuple[Any, Any, list] | None:
    """The layer's `inner_loop` with one product before it, or None.

    Only for the exact cells below: a subclass may compute something else.
    """
    if type(layer.cell) not in KNOWN_CELLS:
        return None
    project, step = KNOWN_CELLS[type(layer.cell)]
    return nested_loop(
        lambda x, states: step(layer.cell, x, states),
        project(layer.cell, sequences),
        list(initial_state),
        mask=mask,
        go_backwards=layer.go_backwards,
        zero_output_for_mask=layer.zero_output_for_mask,
        return_sequences=layer.return_sequences,
    )


def _project(cell, x):
    x = ops.matmul(x, cell.kernel)
    return x if cell.bias is None else ops.add(x, cell.bias)


def _project_gru(cell, x):
    x = ops.matmul(x, cell.kernel)
    if cell.bias is None:
        return x
    return ops.add(x, cell.bias[0] if cell.reset_after else cell.bias)


def _step_simple_rnn(cell, x, states):
    h = cell.activation(x + ops.matmul(states[0], cell.recurrent_kernel))
    return h, [h]


def _step_lstm(cell, x, states):
    h, c = states
    z = x + ops.matmul(h, cell.recurrent_kernel)
    z_i, z_f, z_c, z_o = ops.split(z, 4, axis=-1)
    i = cell.recurrent_activation(z_i)
    f = cell.recurrent_activation(z_f)
    c = f * c + i * cell.activation(z_c)
    h = cell.recurrent_activation(z_o) * cell.activation(c)
    return h, [h, c]


def _step_gru(cell, x, states):
    (h,) = states
    x_z, x_r, x_n = ops.split(x, 3, axis=-1)
    if cell.reset_after:
        z = ops.matmul(h, cell.recurrent_kernel)
        z = z if cell.bias is None else ops.add(z, cell.bias[1])
        h_z, h_r, h_n = ops.split(z, 3, axis=-1)
    else:
        gates, candidate = ops.split(
            ops.convert_to_tensor(cell.recurrent_kernel), [2 * cell.units], axis=-1
        )
        h_z, h_r = ops.split(ops.matmul(h, gates), 2, axis=-1)
    z = cell.recurrent_activation(x_z + h_z)
    r = cell.recurrent_activation(x_r + h_r)
    h_n = r * h_n if cell.reset_after else ops.matmul(r * h, candidate)
    h = z * h + (1 - z) * cell.activation(x_n + h_n)
    return h, [h]


def _whole(cell, x):
    return x


def _step_clockwork(cell, x, states):
    # With the weights cut as the layer's cascade has them, which runs the whole
    # sequences, the file of a model that streams has them once.
    h, t = states
    size, modules = cell.module_units, []
    for k, period in enumerate(cell.periods):
        own, slower = slice(k * size, (k + 1) * size), slice((k + 1) * size, None)
        inputs, kernel = x, cell.kernel[:, own]
        if k + 1 < len(cell.periods):
            inputs = ops.concatenate([x, h[:, slower]], axis=-1)
            slower_kernel = cell.recurrent_kernel[slower, own]
            kernel = ops.concatenate([kernel, slower_kernel], axis=0)
        z = ops.matmul(inputs, kernel)
        if cell.bias is not None:
            z = z + cell.bias[own]
        z = z + ops.matmul(h[:, own], cell.recurrent_kernel[own, own])
        ticks = ops.equal(ops.mod(t, period), 0)  # (batch, 1)
        modules.append(ops.where(ticks, cell.activation(z), h[:, own]))
    h = ops.concatenate(modules, axis=-1)
    return h, [h, ops.mod(t + 1, cell.cycle)]


KNOWN_CELLS = {
    layers.SimpleRNNCell: (_project, _step_simple_rnn),
    layers.LSTMCell: (_project, _step_lstm),
    layers.GRUCell: (_project_gru, _step_gru),
    ClockworkRNNCell: (_whole, _step_clockwork),
}
