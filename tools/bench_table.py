"""Writes what `seqzoo bench` measured into README.md, and draws its sweeps.

Reads docs/bench/*.json, which these commands write (on an idle machine):

    seqzoo bench train --output docs/bench/train.json
    seqzoo bench infer --output docs/bench/infer.json
    seqzoo bench train --sweep length --output docs/bench/length.json
    seqzoo bench train --sweep units --output docs/bench/units.json
    KERAS_BACKEND=jax seqzoo bench train --gpu --output docs/bench/gpu.json
    KERAS_BACKEND=torch seqzoo bench train --gpu --output docs/bench/gpu_torch.json
    seqzoo bench export --output docs/bench/export.json
    seqzoo bench decode lstm_luong_translator.multi30k transformer.multi30k \\
        --output docs/bench/decode.json

What is not there is left out.

    python tools/bench_table.py            # writes README.md and docs/bench/*.png
    python tools/bench_table.py --check    # says whether README.md is up to date
"""

import argparse
import json
import pathlib
import statistics
import sys

from readme_section import replace_section

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = "docs/bench"
SECTION, EXPORT_SECTION = "bench table", "export table"
DECODE_SECTION = "decode table"
MEAN, LARGEST = "geometric mean", "largest ratio"

LAYERS = {
    "peephole_lstm": "PeepholeLSTM",
    "coupled_lstm": "CoupledLSTM",
    "clockwork_rnn": "ClockworkRNN, 8 modules",
    "scrn": "SCRN",
    "min_gru": "MinGRU",
}
IN_KERAS_RNN = {
    "peephole_lstm": "keras.layers.RNN(PeepholeLSTMCell)",
    "coupled_lstm": "keras.layers.RNN(CoupledLSTMCell)",
    "clockwork_rnn": "keras.layers.RNN(ClockworkRNNCell)",
    "scrn": "keras.layers.RNN(SCRNCell)",
}

# What is to be reached: (case, peer) -> {shape: the largest ratio allowed}.
TRAIN_TARGETS = {
    ("peephole_lstm", IN_KERAS_RNN["peephole_lstm"]): {MEAN: 0.55, LARGEST: 1.0},
    ("peephole_lstm", "keras.layers.LSTM"): {LARGEST: 1.0},
    ("peephole_lstm", "torch.nn.LSTM"): {MEAN: 1.0},
    ("peephole_lstm", "matrix products"): {MEAN: 1.25},
    ("coupled_lstm", "PeepholeLSTM"): {MEAN: 0.85},
    ("clockwork_rnn", "keras.layers.SimpleRNN"): {MEAN: 0.5},
    ("scrn", IN_KERAS_RNN["scrn"]): {MEAN: 0.6},
    ("min_gru", "keras.layers.GRU"): {"16,4000,64,128": 0.2},
    **{
        (f"memory of {case}", peer): {"16,1000,64,128": 0.6}
        for case, peer in IN_KERAS_RNN.items()
    },
}
INFER_TARGETS = {
    **{(case, peer): {MEAN: 0.5} for case, peer in IN_KERAS_RNN.items()},
    ("clockwork_rnn", "keras.layers.SimpleRNN"): {MEAN: 0.5},
}
GPU_TARGETS = {
    (case, peer): {"256,200,512,512": 1.5}
    for case in ("peephole_lstm", "coupled_lstm")
    for peer in ("keras.layers.LSTM (cuDNN)", "torch.nn.LSTM")
}
FIRST_CALL_TARGET_S = 5.0
DECODE_TARGET = 1.0


def sections(results: dict[str, dict]) -> dict[str, str]:
    """Section of README.md -> Markdown; stored results by file name without suffix."""
    found = {SECTION: section(results)}
    if "export" in results:
        found[EXPORT_SECTION] = export_section(results["export"])
    if "decode" in results:
        found[DECODE_SECTION] = decode_section(results["decode"])
    return found


def section(results: dict[str, dict]) -> str:
    """Markdown of what was timed of the layers."""
    parts = []
    if "train" in results:
        parts += _timing_part("Training step", results["train"], TRAIN_TARGETS)
        parts.append(first_call_table(results["train"]["rows"]))
    if "infer" in results:
        infer = results["infer"]
        infer = {**infer, "rows": infer["rows"] + graph_rows(infer["rows"])}
        parts += _timing_part("Inference, batch 1", infer, INFER_TARGETS)
    for name, backend in (("gpu", "JAX"), ("gpu_torch", "PyTorch")):
        if name in results:
            title = f"Training step on a GPU, {backend}"
            parts += _timing_part(title, results[name], GPU_TARGETS)
    for sweep in ("length", "units"):
        if sweep in results:
            parts.append(f"![Time against {sweep}]({RESULTS}/{sweep}.png)")
    return "\n\n".join(parts)


def _timing_part(title: str, result: dict, targets: dict) -> list[str]:
    rows = result["rows"]
    parts = [f"**{title}**: {_how(result)}"]
    if any(row["shape"] == MEAN for row in rows):
        parts.append(shapes_table(rows, targets))
    if rest := single_shape_rows(rows):
        parts.append(single_shape_table(rest, targets))
    return parts


def _how(result: dict) -> str:
    machine = result["machine"]
    libraries = [
        f"{name} {machine['versions'][name]}"
        for name in ("keras", machine["backend"], "torch")
        if name in machine["versions"]
    ]
    threads = result["threads"]
    threads = f"{threads} thread{'s' if threads > 1 else ''}"
    where = machine["gpu"] or f"{machine['cpu']}, {threads}"
    how = f"{machine['date'][:10]}, `--seconds {result['seconds']:g}`"
    return f"{where}; {', '.join(_unique(libraries))}; {how}."


def shapes_table(rows: list[dict], targets: dict) -> str:
    """Cases timed at several shapes: our times, and under them the ratios."""
    cases = {row["case"] for row in rows if row["shape"] == MEAN}
    several = [row for row in rows if row["case"] in cases]
    shapes = [s for s in _unique(row["shape"] for row in several) if s != LARGEST]
    lines = [_line(["ms, and ours / theirs", *shapes, "target"])]
    lines.append("|---" * (len(shapes) + 2) + "|")
    for case in _unique(row["case"] for row in several):
        own = [row for row in several if row["case"] == case]
        ours = {}  # the first peer's rows give our times, in our faster mode
        for row in own:
            ours.setdefault(row["shape"], f"**{_figure(row['ours_ms'])}**")
        times = [ours.get(shape, "") for shape in shapes]
        lines.append(_line([f"**{LAYERS[case]}**", *times, ""]))
        for peer in _unique(row["peer"] for row in own):
            ratios = {row["shape"]: row["ratio"] for row in own if row["peer"] == peer}
            shown = [f"{ratios[s]:.2f}" if s in ratios else "" for s in shapes]
            wanted = targets.get((case, peer), {})
            lines.append(_line([f"/ {peer}", *shown, _verdicts(wanted, ratios)]))
    return "\n".join(lines)


def graph_rows(rows: list[dict]) -> list[dict]:
    """Against Keras with both in a plain graph, as `predict` runs them on a CPU."""
    found = {}
    for row in rows:
        if row["shape"] in (MEAN, LARGEST) or not row["peer"].startswith("keras."):
            continue
        ours, theirs = (row[f"{side}_ms_by_mode"]["graph"] for side in ("ours", "peer"))
        case, peer = row["case"], f"{row['peer']}, both in a graph"
        found.setdefault((case, peer), []).append(
            {**row, "peer": peer, "ours_ms": ours, "peer_ms": theirs}
            | {"ratio": ours / theirs}
        )
    for group in found.values():
        if len(group) > 1:
            ratio = statistics.geometric_mean(row["ratio"] for row in group)
            group.append({**group[0], "shape": MEAN, "ratio": ratio})
    return [row for group in found.values() for row in group]


def single_shape_rows(rows: list[dict]) -> list[dict]:
    """The rows of cases that were measured at one shape."""
    cases = {row["case"] for row in rows if row["shape"] == MEAN}
    return [row for row in rows if row["case"] not in cases]


def single_shape_table(rows: list[dict], targets: dict) -> str:
    """A line for each row: both figures, the ratio, and the target."""
    lines = [_line(["", "at", "ours", "against", "theirs", "ratio", "target"])]
    lines.append("|---" * 7 + "|")
    for row in rows:
        case = row["case"].removeprefix("memory of ")
        unit = "ms" if row["ours_ms"] is not None else "MB"
        ours, theirs = (row[f"{side}_{unit.lower()}"] for side in ("ours", "peer"))
        wanted = targets.get((row["case"], row["peer"]), {})
        lines.append(
            _line(
                [
                    LAYERS[case] + (", peak memory" if unit == "MB" else ""),
                    row["shape"],
                    f"{_figure(ours)} {unit}",
                    row["peer"],
                    f"{_figure(theirs)} {unit}",
                    f"{row['ratio']:.2f}",
                    _verdicts(wanted, {row["shape"]: row["ratio"]}),
                ]
            )
        )
    return "\n".join(lines)


def first_call_table(rows: list[dict]) -> str:
    """The slowest first call of each layer and mode, beside its first Keras peer's."""
    timed = [row for row in rows if "ours_first_call_s_by_mode" in row]
    modes = _unique(m for row in timed for m in row["ours_first_call_s_by_mode"])
    columns = ["first call, s (tracing, compiling, running)"]
    columns += [f"ours, {mode}" for mode in modes]
    columns += ["against", *(f"theirs, {mode}" for mode in modes), "target"]
    lines = [_line(columns), "|---" * len(columns) + "|"]
    for case in _unique(row["case"] for row in timed):
        own = [row for row in timed if row["case"] == case]
        peer = next(r["peer"] for r in own if r["peer"].startswith("keras."))
        own = [row for row in own if row["peer"] == peer]
        ours, theirs = (
            [max(row[f"{side}_first_call_s_by_mode"][m] for row in own) for m in modes]
            for side in ("ours", "peer")
        )
        lines.append(
            _line(
                [
                    LAYERS[case],
                    *(f"{seconds:.1f}" for seconds in ours),
                    peer,
                    *(f"{seconds:.1f}" for seconds in theirs),
                    _verdict(FIRST_CALL_TARGET_S, max(ours)),
                ]
            )
        )
    return "\n".join(lines)


EXPORT_LAYERS = {
    "lstm": "LSTM",
    "gru": "GRU",
    "simple_rnn": "SimpleRNN",
    "peephole_cell": "RNN(PeepholeLSTMCell)",
    "masked_bilstm": "Bidirectional(LSTM), masked",
    **LAYERS,
    "clockwork_rnn": "ClockworkRNN",
}


def export_section(result: dict) -> str:
    """Markdown of the comparison of exports."""
    rows = result["rows"]
    details = ["<details><summary>All files</summary>", files_table(rows), "</details>"]
    latencies = [latency_table(rows, form) for form in ("tflite", "onnx")]
    sizes = result["sizes"]
    how = f"{sizes['inputs']} inputs, {sizes['units']} units; {_how(result)}"
    return "\n\n".join([how, *latencies, targets_table(result["targets"]), *details])


def latency_table(rows: list[dict], form: str) -> str:
    """A line a model, a column an exporter: times at each length, and ours / theirs.

    PyTorch is among the ONNX files.
    """
    forms = {"tflite": ["tflite"], "onnx": ["onnx", "torch"]}[form]
    own = [{**row, "exporter": _column(row)} for row in rows if row["format"] in forms]
    exporters = _unique(row["exporter"] for row in own)
    lengths = sorted({length for row in rows for length in row["ms"]}, key=int)
    title = {"tflite": "LiteRT", "onnx": "onnxruntime"}[form]
    steps = " / ".join(f"{int(length):,}" for length in lengths)
    lines = [_line([f"{title}, ms at {steps} steps", *exporters])]
    lines.append("|---" * (len(exporters) + 1) + "|")
    for model in _unique(row["model"] for row in own):
        by_name = {row["exporter"]: row for row in own if row["model"] == model}
        cells = [
            _times(by_name.get(name), lengths, name != exporters[0])
            for name in exporters
        ]
        lines.append(_line([EXPORT_LAYERS[model], *cells]))
    return "\n".join(lines)


def _column(row: dict) -> str:
    return "torch.nn" if row["format"] == "torch" else row["exporter"]


def _times(row: dict | None, lengths: list[str], with_ratios: bool) -> str:
    if row is None:
        return ""
    if not row["runs"]:
        return "does not run"
    shown = [_figure(row["ms"][n]) if n in row["ms"] else "–" for n in lengths]
    ratios = [f"{row['ratio'][n]:.2f}" if n in row["ratio"] else "–" for n in lengths]
    return " / ".join(shown) + (f" ({' / '.join(ratios)})" if with_ratios else "")


def files_table(rows: list[dict]) -> str:
    """A line for each file: all that is known of it, or why it does not run."""
    columns = ["model", "exporter", "MB", "difference", "operators, or why not"]
    lines = [_line(columns), "|---" * len(columns) + "|"]
    for row in rows:
        size = f"{row['bytes'] / 1e6:.2f}" if row["bytes"] else ""
        difference = row["difference"]
        lines.append(
            _line(
                [
                    EXPORT_LAYERS[row["model"]],
                    row["exporter"],
                    size,
                    "" if difference is None else f"{difference:.0e}",
                    _operators(row),
                ]
            )
        )
    return "\n".join(lines)


def _operators(row: dict) -> str:
    if not row["runs"]:
        return f"**does not run**: {row['reason']}"
    counted = (row["operators"] or {}).items()
    return ", ".join(name if n == 1 else f"{name} x{n}" for name, n in sorted(counted))


def targets_table(targets: list[dict]) -> str:
    """A line a target, with every model's figure."""
    lines = [_line(["target", "at most", "reached", "missed"]), "|---" * 4 + "|"]
    for name in _unique(target["target"] for target in targets):
        own = [target for target in targets if target["target"] == name]
        cells = [
            ", ".join(_reached(t) for t in own if t["reached"] == reached)
            for reached in (True, False)
        ]
        lines.append(_line([name, f"{own[0]['limit']:g}", *cells]))
    return "\n".join(lines)


def _reached(target: dict) -> str:
    value = target["value"]
    figure = "does not run" if value is None else f"{value:.3g}"
    layer = EXPORT_LAYERS[target["model"]]
    return f"{layer} {figure}" if target["reached"] else f"**{layer} {figure}**"


def decode_section(result: dict) -> str:
    """Markdown of searches in one file, each against a loop over its steps."""
    rows = result["rows"]
    beams = " or ".join(str(width) for width in _unique(row["beams"] for row in rows))
    title = "one ONNX file against a Python loop over its steps"
    lines = [f"Beam search of width {beams}: {title}; {_how(result)}", ""]
    lines.append(_line(["model", "steps", "one file", "loop", "ratio", "target"]))
    lines.append("|---" * 6 + "|")
    for row in rows:
        times = [f"{_figure(row[f'{side}_ms'])} ms" for side in ("file", "loop")]
        verdict = _verdict(DECODE_TARGET, row["ratio"])
        cells = [row["model"], str(row["steps"]), *times, f"{row['ratio']:.2f}"]
        lines.append(_line([*cells, verdict]))
    return "\n".join(lines)


def _verdicts(wanted: dict[str, float], ratios: dict[str, float]) -> str:
    return "; ".join(
        ("each " if shape == LARGEST else "") + _verdict(target, ratios[shape])
        for shape, target in wanted.items()
        if shape in ratios
    )


def _verdict(target: float, value: float) -> str:
    return f"≤ {target:g}: {'reached' if value <= target else '**missed**'}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _unique(values) -> list:
    return list(dict.fromkeys(values))


def read(folder: pathlib.Path) -> dict[str, dict]:
    """File name without suffix -> stored result of `seqzoo bench`, if it is there."""
    found = {f.stem: json.loads(f.read_text("utf-8")) for f in folder.glob("*.json")}
    is_bench = {name for name, result in found.items() if "sweep" in result}
    return {name: found[name] for name in sorted(is_bench)}


def draw(results: dict[str, dict], folder: pathlib.Path) -> None:
    """Draws each stored sweep beside its file."""
    from keras_seqzoo.bench.plot import draw_sweep

    for name, result in results.items():
        if result["sweep"]:
            draw_sweep(result, folder / f"{name}.png")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    results = read(ROOT / RESULTS)
    readme = ROOT / "README.md"
    text = written = readme.read_text("utf-8")
    for name, content in sections(results).items():
        written = replace_section(written, name, content)
    if arguments.check:
        print(
            "up to date" if written == text else "README.md: run tools/bench_table.py"
        )
        return int(written != text)
    readme.write_text(written, "utf-8")
    draw(results, ROOT / RESULTS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
