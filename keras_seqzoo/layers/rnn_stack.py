"""A deep, optionally bidirectional stack with the arguments PyTorch users know."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_seqzoo.arguments import layer_count, named_values, positive_integer, truth
from keras_seqzoo.cells.recurrent_cell import rate
from keras_seqzoo.layers.by_name import recurrent_layer

# Where PyTorch's gates stand in Keras' order.
_TORCH_GATES = {
    "simple_rnn": (0,),
    "lstm": (0, 1, 2, 3),  # i, f, g, o in both
    "gru": (1, 0, 2),  # torch r, z, n; Keras z, r, h
}


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class RNNStack(keras.layers.Layer):
    """Recurrent layers on top of each other, as in `torch.nn.LSTM`.

    Args:
        cell: Name of the cell, as in `recurrent_layer`. "gru" is PyTorch's form
            (`reset_after=True`) unless `cell_arguments` says otherwise.
        input_size: Positive integer, the number of input features.
        hidden_size: Positive integer, the units of each layer and direction.
        num_layers: Positive integer.
        bias: Whether the cells add a bias (SCRN and LRU have none in any case).
        dropout: Dropout rate between the layers (not after the last one).
        bidirectional: Whether each layer reads the sequence both ways and joins
            the two outputs.
        variational_dropout: Whether the dropout between the layers draws one mask
            for all time steps (Gal & Ghahramani 2016), not one for each.
        cell_arguments: Further arguments of the recurrent layers
            (`{"periods": (1, 2, 4)}`, ...).
        return_state: Whether to return the final states too.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: if there is no such cell, or an argument is wrong.

    Call: inputs `(batch, time, input_size)`; `initial_state`, a list with one list
    of states a layer (as returned with `return_state`); `mask`, booleans
    `(batch, time)`; `training`. Returns the last layer's output at every step,
    `(batch, time, size)`, or with `return_state` the pair `(output, states)`.
    """

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        variational_dropout: bool = False,
        cell_arguments: dict | None = None,
        return_state: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cell = cell
        self.input_size = positive_integer("input_size", input_size)
        self.hidden_size = positive_integer("hidden_size", hidden_size)
        self.num_layers = layer_count(num_layers)
        self.bias = truth("bias", bias)
        self.dropout = rate("dropout", dropout)
        self.bidirectional = truth("bidirectional", bidirectional)
        self.variational_dropout = truth("variational_dropout", variational_dropout)
        self.cell_arguments = named_values("cell_arguments", cell_arguments or {})
        self.return_state = truth("return_state", return_state)
        self.supports_masking = True

        arguments = {**self.cell_arguments, "dtype": self.dtype_policy}
        if cell not in ("scrn", "lru"):
            arguments["use_bias"] = self.bias
        if cell == "gru":
            arguments.setdefault("reset_after", True)
        self.rnn_layers = []
        for i in range(num_layers):
            layer = recurrent_layer(
                cell,
                self.hidden_size,
                return_sequences=True,
                return_state=True,
                name=f"layer_{i}",
                **arguments,
            )
            if self.bidirectional:
                layer = keras.layers.Bidirectional(
                    layer, name=f"layer_{i}", dtype=self.dtype_policy
                )
            self.rnn_layers.append(layer)
        dropout_class = (
            keras.layers.SpatialDropout1D
            if self.variational_dropout
            else keras.layers.Dropout
        )
        self.dropout_layers = [
            dropout_class(dropout, dtype=self.dtype_policy)
            for _ in range(num_layers - 1)
        ]

    def build(self, input_shape: tuple) -> None:
        if input_shape[-1] != self.input_size:
            raise ValueError(
                f"The inputs must have input_size={self.input_size} features. "
                f"Received: input shape {tuple(input_shape)}"
            )
        shape = tuple(input_shape)
        for layer in self.rnn_layers:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)[0]
        self.built = True

    def call(
        self,
        inputs: Any,
        initial_state: list | None = None,
        mask: Any = None,
        training: bool = False,
    ) -> Any:
        x, states = inputs, []
        for i, layer in enumerate(self.rnn_layers):
            if i > 0:
                x = self.dropout_layers[i - 1](x, training=training)
            x, *state = layer(
                x,
                initial_state=None if initial_state is None else initial_state[i],
                mask=mask,
                training=training,
            )
            states.append(state)
        return (x, states) if self.return_state else x

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        del inputs
        return None if self.return_state else mask

    def load_torch_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take the weights of a torch.nn.RNN, LSTM or GRU.

        Args:
            state_dict: `module.state_dict()`; the values may be tensors or arrays.

        Raises:
            ValueError: if this stack's cell has no PyTorch counterpart, or a
                weight is missing, left over or of another shape.
        """
        if self.cell not in _TORCH_GATES:
            raise ValueError(
                "Only stacks of simple_rnn, lstm and gru can read PyTorch weights. "
                f"Received: cell={self.cell!r}"
            )
        if not self.built:
            self.build((None, None, self.input_size))
        left = {name: np.asarray(value) for name, value in state_dict.items()}
        weights = []
        for i, layer in enumerate(self.rnn_layers):
            directions = {"": layer}
            if self.bidirectional:
                directions = {
                    "": layer.forward_layer,
                    "_reverse": layer.backward_layer,
                }
            for suffix, rnn in directions.items():
                weights.append((rnn, self._from_torch(left, rnn, f"l{i}{suffix}")))
        if left:
            raise ValueError(
                "The state dict has weights that this stack lacks: "
                f"{', '.join(sorted(left))}."
            )
        for rnn, values in weights:
            rnn.set_weights(values)

    def _from_torch(self, left: dict, rnn: Any, place: str) -> list:
        """Pop one layer's torch weights from `left`; return them as Keras has them."""
        gates = _TORCH_GATES[self.cell]
        rows = len(gates) * self.hidden_size

        def pop(name: str, *columns: int) -> np.ndarray:
            key = f"{name}_{place}"
            if key not in left:
                raise ValueError(f"The state dict has no weight {key!r}.")
            value = left.pop(key)
            if value.shape != (rows, *columns):
                raise ValueError(
                    f"The weight {key!r} must have shape {(rows, *columns)}. "
                    f"Received: shape {value.shape}"
                )
            parts = np.split(value, len(gates), axis=0)
            return np.concatenate([parts[gate] for gate in gates], axis=0)

        kernel, recurrent_kernel = rnn.weights[:2]
        weights = [
            pop("weight_ih", kernel.shape[0]).T,
            pop("weight_hh", recurrent_kernel.shape[0]).T,
        ]
        if self.bias:
            biases = np.stack([pop("bias_ih"), pop("bias_hh")])
            reset_after = getattr(rnn, "reset_after", False)
            weights.append(biases if reset_after else biases.sum(axis=0))
        return weights

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "cell": self.cell,
            "input_size": self.input_size,
            "hidden_size": self.hidden_size,
            "num_layers": self.num_layers,
            "bias": self.bias,
            "dropout": self.dropout,
            "bidirectional": self.bidirectional,
            "variational_dropout": self.variational_dropout,
            "cell_arguments": self.cell_arguments,
            "return_state": self.return_state,
        }
