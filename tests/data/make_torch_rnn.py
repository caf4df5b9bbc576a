"""Make torch_rnn.npz, PyTorch's answers for test_rnn_stack.py (needs torch).

    python tests/data/make_torch_rnn.py

For every name `<cell>-<layers>-<both|one>-<bias|plain>`: the state dict under
`<name>/weight/<key>`, the start under `<name>/h0` (and `/c0` for the LSTM), the output
under `<name>/output` and the final states under `<name>/h` (and `/c`). `x` is shared.
"""

import itertools
from pathlib import Path

import numpy as np
import torch

INPUT, HIDDEN, BATCH, LENGTH = 3, 4, 2, 6
CELLS = {"simple_rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}


def module(cell: str, layers: int, bidirectional: bool, bias: bool) -> torch.nn.Module:
    made = getattr(torch.nn, CELLS[cell])(
        INPUT,
        HIDDEN,
        num_layers=layers,
        bias=bias,
        batch_first=True,
        bidirectional=bidirectional,
    )
    return made.eval()


def main() -> None:
    torch.manual_seed(0)
    x = torch.randn(BATCH, LENGTH, INPUT)
    arrays = {"x": x.numpy()}
    for cell, layers, both, bias in itertools.product(
        CELLS, (1, 2), (False, True), (False, True)
    ):
        name = (
            f"{cell}-{layers}-{'both' if both else 'one'}-{'bias' if bias else 'plain'}"
        )
        rnn = module(cell, layers, both, bias)
        size = (layers * (1 + both), BATCH, HIDDEN)
        start = [torch.randn(size) for _ in range(2 if cell == "lstm" else 1)]
        with torch.no_grad():
            given = tuple(start) if cell == "lstm" else start[0]
            output, final = rnn(x, given)
            from_zero, _ = rnn(x)
        final = final if cell == "lstm" else (final,)
        for key, value in rnn.state_dict().items():
            arrays[f"{name}/weight/{key}"] = value.numpy()
        arrays[f"{name}/from_zero"] = from_zero.numpy()
        arrays[f"{name}/output"] = output.numpy()
        for letter, before, after in zip("hc", start, final):
            arrays[f"{name}/{letter}0"] = before.numpy()
            arrays[f"{name}/{letter}"] = after.numpy()
    np.savez_compressed(Path(__file__).parent / "torch_rnn.npz", **arrays)


if __name__ == "__main__":
    main()
