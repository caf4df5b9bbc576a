"""A search inside one ONNX file against a Python loop over its steps in onnxruntime."""

import pathlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo import registry
from keras_seqzoo.bench.machine import facts, set_threads
from keras_seqzoo.bench.timing import median_ratio, take_turns
from keras_seqzoo.decoding import for_each_beam
from keras_seqzoo.errors import UserError
from keras_seqzoo.export.onnx import write_onnx
from keras_seqzoo.export.quiet import quiet
from keras_seqzoo.export.serving import Served
from keras_seqzoo.models.seq2seq.translator import FIRST_WRITTEN, Translator
from keras_seqzoo.runtime.subwords import END, START

ARCHITECTURES = ("lstm_luong_translator", "transformer")
UNTRAINED_VOCABULARY = 6000
SENTENCE = "a man in a blue shirt is standing on a ladder cleaning a window."
_NEVER = -1e9


def bench_decode(
    names: Sequence[str] = (),
    seconds: float = 20.0,
    beams: int = 4,
    save: Callable[[dict], None] | None = None,
) -> dict:
    """Times translators' searches, each in one file and as a loop: on one thread.

    Both find a translation of the same score, or it is an error. What each model took
    is said on standard error as soon as it is known.

    Args:
        names: Pretrained tags, presets, or architectures (their weights are random, and
            their translations as long as can be); empty for two architectures.
        seconds: To time each.
        beams: Beams of the search.
        save: Called with the result so far after each model.

    Returns:
        "rows": "model", "beams", "steps", "file_ms", "loop_ms" (medians), "ratio" (the
        median of the rounds' file / loop); and how they came about: "command",
        "sweep" (None), "seconds", "threads", "machine".

    Raises:
        UserError: A model is unknown or no translator.
    """
    set_threads(1)
    result = {
        "command": "decode",
        "sweep": None,
        "seconds": seconds,
        "threads": 1,
        "machine": facts(),
        "rows": [],
    }
    names = names or ARCHITECTURES
    for number, name in enumerate(names, 1):
        model = _model(name)
        with tempfile.TemporaryDirectory() as folder:
            row = decode_row(model, beams, seconds, pathlib.Path(folder))
        result["rows"].append({"model": name, **row})
        if save:
            save(result)
        times = f"{row['file_ms']:.1f} ms against {row['loop_ms']:.1f} ms"
        where = f"{number} of {len(names)}, {name}"
        print(f"{where}: {times}, {row['ratio']:.2f}", file=sys.stderr, flush=True)
    return result


def decode_row(
    model: Translator, beams: int, seconds: float, folder: pathlib.Path
) -> dict[str, Any]:
    """The row of one model, without its name."""
    source = model.pieces.source_ids([SENTENCE])

    def whole(inputs):
        return model.search(inputs["source"], beams)

    run = _written(model, whole, model.served_inputs(), folder / "whole.onnx")
    begin, step = step_files(model, beams, folder)
    penalty, length = model.config["length_penalty"], model.config["max_length"]

    def loop():
        return loop_over_steps(begin, step, source, beams, length, penalty)

    found = run({"source": source})
    tokens, score = loop()
    if not np.isclose(found["scores"][0], score, atol=1e-4):
        raise RuntimeError(
            f"the file and the loop find unlike translations, with the scores "
            f"{found['scores'][0]} and {score}"
        )
    timings = take_turns(
        {"file": lambda: run({"source": source}), "loop": loop}, seconds
    )
    ended = np.flatnonzero(tokens == END)
    return {
        "beams": beams,
        "steps": int(ended[0]) + 1 if len(ended) else length,
        "file_ms": timings["file"].median_ms,
        "loop_ms": timings["loop"].median_ms,
        "ratio": median_ratio(timings["file"].rounds_s, timings["loop"].rounds_s),
    }


def step_files(
    model: Translator, beams: int, folder: pathlib.Path
) -> tuple[Callable, Callable]:
    """A model's beginning and step as ONNX files, run by onnxruntime.

    Returns:
        Two functions of a dict of arrays: of "source", which gives `fixed_i`, ... and
        `state_i`, ... of all beams; and of these and "tokens", which gives
        log-probabilities and, as `after_i`, the states then.
    """
    source = model.pieces.source_ids([SENTENCE])
    fixed, states = model.begin_search(source, beams)
    states = for_each_beam(states, beams)
    flat_fixed, flat_states = keras.tree.flatten(fixed), keras.tree.flatten(states)

    def begun(inputs):
        fixed, states = model.begin_search(inputs["source"], beams)
        states = for_each_beam(states, beams)
        return _named("fixed", keras.tree.flatten(fixed)) | _named("state", states)

    def stepped(inputs):
        fixed_now = [inputs[name] for name in _named("fixed", flat_fixed)]
        states_now = [inputs[name] for name in _named("state", flat_states)]
        log_p, after = model.search_step(
            inputs["tokens"], states_now, keras.tree.pack_sequence_as(fixed, fixed_now)
        )
        return {"log_p": log_p} | _named("after", after)

    tensors = _named("fixed", flat_fixed) | _named("state", flat_states)
    specs = {
        name: tf.TensorSpec(_free(x, source.shape[1]), x.dtype, name)
        for name, x in tensors.items()
    }
    specs["tokens"] = tf.TensorSpec((None,), tf.int32, "tokens")
    inputs = model.served_inputs()
    return (
        _written(model, begun, inputs, folder / "begin.onnx"),
        _written(model, stepped, specs, folder / "step.onnx"),
    )


def loop_over_steps(
    begin: Callable,
    step: Callable,
    source: np.ndarray,
    beams: int,
    max_length: int,
    length_penalty: float,
) -> tuple[np.ndarray, float]:
    """`decoding.beam_search` of one sentence in NumPy, over a step's file.

    Returns:
        Tokens `(max_length,)`, with END from the end on, and their score.
    """
    given = begin({"source": source})
    states = {name: x for name, x in given.items() if name.startswith("state")}
    end = END - FIRST_WRITTEN
    latest = np.full(beams, START - FIRST_WRITTEN, "int32")
    tokens = np.full((beams, max_length), end, "int32")
    totals = np.where(np.arange(beams) == 0, 0.0, _NEVER)
    lengths, ended = np.zeros(beams, "int32"), np.zeros(beams, bool)
    for time in range(max_length):
        found = step({**given, **states, "tokens": latest})
        log_p = found.pop("log_p")
        followed = totals[:, None] + log_p  # (beams, vocabulary)
        followed[ended] = 2.0 * _NEVER
        rank = followed.copy()
        rank[ended, end], followed[ended, end] = -_NEVER, totals[ended]
        some = np.argpartition(-rank.ravel(), beams - 1)[:beams]
        some = some[np.argsort(-rank.ravel()[some], kind="stable")]
        parent, latest = np.divmod(some, log_p.shape[1])
        latest, totals = latest.astype("int32"), followed.ravel()[some]
        tokens, lengths, ended = tokens[parent], lengths[parent], ended[parent]
        states = {
            name.replace("after", "state"): x[parent] for name, x in found.items()
        }
        tokens[:, time] = latest
        lengths += ~ended
        ended |= latest == end
        if ended.all():
            break
    scores = totals / np.maximum(lengths, 1) ** length_penalty
    best = int(np.argmax(scores))
    return tokens[best] + FIRST_WRITTEN, float(scores[best])


class _Session:
    """An ONNX file on one thread, as a function of a dict of arrays."""

    def __init__(self, path: pathlib.Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {one.name for one in self._session.get_inputs()}
        self._outputs = [one.name for one in self._session.get_outputs()]

    def __call__(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        needed = {name: x for name, x in inputs.items() if name in self._inputs}
        return dict(zip(self._outputs, self._session.run(None, needed)))


def _written(model, call, inputs, file):
    """A function of the model as an ONNX file, in its session."""
    with quiet():
        write_onnx(Served(model, call, inputs, None), file)
    return _Session(file)


def _named(prefix: str, tensors: Sequence[Any]) -> dict[str, Any]:
    return {f"{prefix}_{i}": x for i, x in enumerate(tensors)}


def _free(tensor: Any, source_length: int) -> list[int | None]:
    """The tensor's shape with its batch and, where it has one, its length free."""
    _, *sizes = tensor.shape
    return [None, *(None if size == source_length else size for size in sizes)]


def _model(name: str) -> Translator:
    """A pretrained model; or one of an architecture, that never ends by itself."""
    known = registry.architectures()
    loaded = None if name in known else registry.load(name)
    kind = type(loaded) if loaded is not None else known[name].model_class
    if not issubclass(kind, Translator):
        raise UserError(f"bench decode needs a translator. Received: {name}")
    if loaded is not None:
        return loaded
    letters = map(chr, range(ord("a"), ord("z") + 1))
    words = [f" w{i}" for i in range(UNTRAINED_VOCABULARY)]
    model = registry.create(name, vocabulary=[*letters, " ", ".", *words])
    bias = np.zeros(model.parts["logits"].bias.shape)
    bias[END - FIRST_WRITTEN] = _NEVER
    model.parts["logits"].bias.assign(bias)
    return model
