"""Measures the translators on their test sentences, into README.md.

    python tools/translation_table.py --measure DATA [TAG ...]  # the sets' folder
    python tools/translation_table.py            # writes README.md
    python tools/translation_table.py --check    # says whether README.md is up to date

BLEU of each pretrained translator (or these tags) with greedy search and with its own
beam search, and with the latter from its TFLite file in int8.
docs/bench/translation.json has the figures, with sacrebleu's signatures.
"""

import json
import pathlib
import sys
import tempfile

from cell_table import minutes
from quantization_table import verdict
from readme_section import ROOT, measured_section, pretrained

RESULTS = ROOT / "docs" / "bench" / "translation.json"
SECTION, METRIC = "translation table", "bleu"
# By data set; Multi30k's are of lower-cased, tokenised text, which is easier.
PUBLISHED = {
    "multi30k": {
        "attention GRU (Calixto et al. 2017)": 33.7,
        "attention GRU (Elliott & Kádár 2017)": 35.5,
        "attention GRU (Caglayan et al. 2017)": 38.1,
        "Transformer-Tiny (Wu et al. 2021)": 41.02,
    }
}


def measure(data_dir: str, tags: list[str]) -> dict:
    """The figures of each tag; of other tags what was measured before."""
    import keras_seqzoo as seqzoo
    from keras_seqzoo import runtime
    from keras_seqzoo.training.tasks.translation import Translation, bleu_of

    found = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    for tag in tags or pretrained(METRIC):
        metadata = seqzoo.info(tag).metadata
        rows = Translation.read(metadata["dataset"], metadata["split"], data_dir)
        sources = [row.source for row in rows]
        model = seqzoo.load(tag)
        greedy = bleu_of(model.translate(sources, beams=1), rows)[0]
        beam, signature = bleu_of(model.translate(sources), rows)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.tflite"
            report = seqzoo.export(model, path, quantize="int8")
            int8 = bleu_of(runtime.load(report.path).translate(sources), rows)[0]
            size = report.bytes
        found[tag] = {
            "dataset": metadata["dataset"],
            "parameters": model.count_params(),
            "minutes": minutes([metadata]),
            "beams": model.config["beams"],
            "greedy": round(greedy, 2),
            "beam": round(beam, 2),
            "int8": round(int8, 2),
            "int8_bytes": size,
            "signature": signature,
        }
        # It takes minutes, and a later one may fail.
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        print(tag, found[tag], flush=True)
    return found


def table(found: dict) -> str:
    """Markdown."""
    from keras_seqzoo.training.tasks.translation import Translation

    if not found:
        return "No translator is pretrained yet."
    lines = [
        "| model | data | greedy | beam | int8 file | parameters | training, min |",
        "|---|---|---|---|---|---|---|",
    ]
    for tag, row in sorted(found.items()):
        figures = f"{row['greedy']:.2f} | {row['beam']:.2f} ({row['beams']})"
        file = f"{row['int8']:.2f}, {row['int8_bytes'] / 1e6:.1f} MB"
        lines.append(
            f"| {tag} | {row['dataset']} | {figures} | {file} | {row['parameters']:,} "
            f"| {row['minutes']} |"
        )
    for dataset in sorted({row["dataset"] for row in found.values()}):
        for name, figure in PUBLISHED.get(dataset, {}).items():
            lines.append(f"| {name} | {dataset} | - | {figure} | - | - | - |")
    signatures = {row["dataset"]: row["signature"] for row in found.values()}
    said = [f"`{dataset}`: `{text}`" for dataset, text in sorted(signatures.items())]
    limit = Translation.MAX_LOSS
    missed = [
        tag
        for tag, row in sorted(found.items())
        if round(row["beam"] - row["int8"], 2) > limit
    ]
    lines += ["", verdict({f"in int8, {Translation.FIGURE}": limit}, missed)]
    return "\n".join([*lines, "", f"sacrebleu's signatures: {'; '.join(said)}."])


def without_row(found: dict) -> list[str]:
    """The pretrained tags that were not measured."""
    return [tag for tag in pretrained(METRIC) if tag not in found]


def main() -> int:
    purpose = __doc__.splitlines()[0]
    return measured_section(purpose, SECTION, RESULTS, measure, table, without_row)


if __name__ == "__main__":
    sys.exit(main())
