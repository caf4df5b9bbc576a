"""Measures the speech recognisers on their test parts, into README.md.

    python tools/speech_table.py --measure DATA [TAG ...]  # the sets' folder
    python tools/speech_table.py --factor DATA [TAG ...]
    python tools/speech_table.py --left-out DATA FOLDER ...
    python tools/speech_table.py            # writes README.md
    python tools/speech_table.py --check    # says whether README.md is up to date

Of each pretrained recogniser (or these tags): the share of utterances that are wholly
right, word and character error rates by the best path and, with a language model, by
its beams; the word error rate of its int8 file; and of one that streams the real-time
factor of that file on one thread, of sound that comes in tenths of a second, at the
model's own rate and at 44.1 kHz. `--factor` measures that alone, of the tags that
stream. `--left-out` measures presets that were trained without a speaker, in folders
`<tag>.without_<speaker>`, on all that this speaker says. docs/bench/speech.json has the
figures.
"""

import argparse
import json
import pathlib
import sys
import tempfile
import time
from typing import Any

from cell_table import minutes
from quantization_table import verdict
from readme_section import check_section, pretrained, write_section

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "bench" / "speech.json"
SECTION, METRIC = "speech table", "wer"
BEAMS = 16
STREAMED = 100  # test utterances that the real-time factor is measured on
OTHER_RATE = 44_100  # Hz, of sound that is resampled while it is heard
# (WER, CER) on AN4's 130 test utterances, from their audio.
PUBLISHED = {
    "ResNet + CTC (a GitHub README, owner unknown)": (16.48, 9.79),
    "DeepSpeech 2 + CTC (the same)": (5.09, 2.99),
}
SETS = {
    "fsdd": "digits",
    "connected_digits": "connected digits",
    "an4_mfcc": "AN4",
}


def rates(model: Any, rows: list, run: Any) -> dict[str, float]:
    """Utterances that are right, WER and CER, in percent."""
    from keras_seqzoo.training.metrics import error_rates
    from keras_seqzoo.training.tasks.speech_recognition import SpeechRecognition

    found = SpeechRecognition.answers(model, rows)(run)
    right = sum(text == row.text for text, row in zip(found, rows))
    wer, cer = error_rates([row.text for row in rows], found)
    accuracy = 100.0 * right / len(rows)
    return {"accuracy": round(accuracy, 2), "wer": round(wer, 2), "cer": round(cer, 2)}


def real_time_factor(runner: Any, rows: list, rate: int) -> float:
    """Seconds of processor time for a second of sound.

    Of sound at `rate`, in Hz: brought to it beforehand, and while it is measured back
    to the model's own.
    """
    import numpy as np

    from keras_seqzoo.runtime.sound import at_rate

    sounds = []
    for row in rows[:STREAMED]:
        sound = row.sound / np.float32(32768)
        sounds.append(np.concatenate([*at_rate([sound], runner.sample_rate, rate)]))
    runner.predict_audio(sounds[0], rate)
    tenth = rate // 10
    began = time.process_time()
    for sound in sounds:
        blocks = (sound[i : i + tenth] for i in range(0, len(sound), tenth))
        "".join(runner.transcribe(blocks, rate))
    return (time.process_time() - began) * rate / sum(map(len, sounds))


def real_time_factors(runner: Any, rows: list) -> dict[str, float]:
    """Of sound of the model's own rate, then of another; by the rate in Hz."""
    return {
        str(rate): round(real_time_factor(runner, rows, rate), 4)
        for rate in (runner.sample_rate, OTHER_RATE)
    }


def measured(tag: str, data_dir: str) -> dict[str, Any]:
    """The figures of one tag."""
    import keras_seqzoo as seqzoo
    from keras_seqzoo import runtime
    from keras_seqzoo.training.tasks.speech_recognition import SpeechRecognition

    info, model = seqzoo.info(tag), seqzoo.load(tag, beams=1)
    rows = SpeechRecognition.read(info.dataset, "test", data_dir)
    entry = {
        "dataset": info.dataset,
        "streams": model.hears_on,
        "parameters": model.count_params(),
        "minutes": minutes([info.metadata]),
        "utterances": len(rows),
        "greedy": rates(model, rows, SpeechRecognition.runner(model)),
    }
    if model.ngram is not None:
        searching = seqzoo.load(tag, beams=BEAMS)
        run = SpeechRecognition.runner(searching)
        entry["beam"] = rates(searching, rows, run)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.tflite"
        report = seqzoo.export(
            model,
            path,
            quantize="int8",
            metric=SpeechRecognition.metric(model, rows),
            higher_is_better=False,
        )
        entry["int8"] = {"wer": round(report.metric, 2), "bytes": report.bytes}
        if model.hears_on:
            entry["real_time_factor"] = real_time_factors(runtime.load(path), rows)
    return entry


def measure(data_dir: str, tags: list[str]) -> dict:
    """The figures of these tags, all by default; of others what was measured before."""
    found = _found()
    for tag in tags or pretrained(METRIC):
        before = found["tags"].get(tag, {})
        kept = {"left_out": before["left_out"]} if "left_out" in before else {}
        found["tags"][tag] = measured(tag, data_dir) | kept
    return found


def factors(data_dir: str, tags: list[str]) -> dict:
    """The real-time factors of those of these tags that stream, and all as before."""
    import keras_seqzoo as seqzoo
    from keras_seqzoo import runtime
    from keras_seqzoo.training.tasks.speech_recognition import SpeechRecognition

    found = _found()
    for tag in tags or pretrained(METRIC):
        model = seqzoo.load(tag, beams=1)
        if not model.hears_on:
            continue
        rows = SpeechRecognition.read(seqzoo.info(tag).dataset, "test", data_dir)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.tflite"
            seqzoo.export(model, path, quantize="int8")
            entry = found["tags"].setdefault(tag, {})
            entry["real_time_factor"] = real_time_factors(runtime.load(path), rows)
    return found


def left_out(data_dir: str, folders: list[str]) -> dict:
    """For each tag, speaker by speaker, the figures of a model that never heard him."""
    import keras_seqzoo as seqzoo
    from keras_seqzoo.training.tasks.speech_recognition import SpeechRecognition

    found = _found()
    for folder in map(pathlib.Path, folders):
        tag, _, speaker = folder.name.partition(".without_")
        model = seqzoo.load(folder, beams=1)
        dataset = seqzoo.info(tag).dataset
        rows = SpeechRecognition.read(dataset, f"of_{speaker}", data_dir)
        entry = found["tags"].setdefault(tag, {}).setdefault("left_out", {})
        epochs = seqzoo.info(folder).metadata["epochs"]
        figures = rates(model, rows, SpeechRecognition.runner(model))
        entry[speaker] = {**figures, "epochs": epochs}
    return found


def _found() -> dict:
    return json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {"tags": {}}


def table(found: dict) -> str:
    """Markdown."""
    from keras_seqzoo.training.tasks.speech_recognition import SpeechRecognition

    heads = (
        "model",
        "test",
        "right %",
        "WER",
        "CER",
        f"WER, CER with beam {BEAMS} and language model",
        "a speaker left out: right %, WER",
        "WER int8",
        "real-time factor",
        "parameters",
        "training, min",
    )
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for tag, row in sorted(found["tags"].items()):
        if "greedy" not in row:  # measured with a speaker left out alone
            continue
        beam = row.get("beam")
        cells = [
            tag,
            f"{SETS[row['dataset']]}, {row['utterances']}",
            *(f"{row['greedy'][key]:.2f}" for key in ("accuracy", "wer", "cer")),
            f"{beam['wer']:.2f}, {beam['cer']:.2f}" if beam else "-",
            _mean_left_out(row.get("left_out", {})),
            f"{row['int8']['wer']:.2f}",
            _factors(row.get("real_time_factor", {})),
            f"{row['parameters']:,}",
            row["minutes"],
        ]
        lines.append(f"| {' | '.join(cells)} |")
    for name, (wer, cer) in PUBLISHED.items():
        cells = [name, "AN4, 130", "-", f"{wer:.2f}", f"{cer:.2f}", *["-"] * 6]
        lines.append(f"| {' | '.join(cells)} |")
    limit = SpeechRecognition.MAX_LOSS
    measured_tags = {tag: row for tag, row in found["tags"].items() if "greedy" in row}
    missed = [
        tag
        for tag, row in sorted(measured_tags.items())
        if round(row["int8"]["wer"] - row["greedy"]["wer"], 2) > limit
    ]
    lines += ["", verdict({f"in int8, {SpeechRecognition.FIGURE}": limit}, missed)]
    return "\n".join(lines)


def without_row(found: dict) -> list[str]:
    """The pretrained tags that were not measured."""
    rows = {tag for tag, row in found["tags"].items() if "greedy" in row}
    return [tag for tag in pretrained(METRIC) if tag not in rows]


def _factors(by_rate: dict[str, float]) -> str:
    if not by_rate:
        return "-"
    (_, own), (rate, other) = by_rate.items()
    return f"{own:.3f}; {other:.3f} of {int(rate) / 1000:g} kHz sound"


def _mean_left_out(by_speaker: dict) -> str:
    if not by_speaker:
        return "-"
    means = [
        sum(one[key] for one in by_speaker.values()) / len(by_speaker)
        for key in ("accuracy", "wer")
    ]
    speakers = f"{len(by_speaker)} of 6, " if len(by_speaker) < 6 else ""
    epochs = " or ".join(sorted({str(one["epochs"]) for one in by_speaker.values()}))
    return f"{means[0]:.2f}, {means[1]:.2f} ({speakers}{epochs} epochs)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", nargs="+", metavar=("DATA", "TAG"))
    parser.add_argument("--factor", nargs="+", metavar=("DATA", "TAG"))
    parser.add_argument("--left-out", nargs="+", metavar=("DATA", "FOLDER"))
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    for given, function in (
        (arguments.measure, measure),
        (arguments.factor, factors),
        (arguments.left_out, left_out),
    ):
        if given:
            found = function(given[0], given[1:])
            RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    found = _found()
    content = table(found)
    readme = ROOT / "README.md"
    if arguments.check:
        return check_section(readme, SECTION, content, without_row(found))
    write_section(readme, SECTION, content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
