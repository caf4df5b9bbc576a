"""Measures the captioners on Flickr8k's test pictures, into README.md.

    python tools/caption_table.py --measure DATA [TAG ...]  # the sets' folder
    python tools/caption_table.py            # writes README.md
    python tools/caption_table.py --check    # says whether README.md is up to date

BLEU-1 to BLEU-4 of each pretrained captioner (or these tags) with its own beam search
and with greedy search; and how often the encoder they start from, dequantised into
Keras, names the same class first as the file in LiteRT. docs/bench/captions.json has
the figures.
"""

import json
import sys

from readme_section import ROOT, measured_section, pretrained

RESULTS = ROOT / "docs" / "bench" / "captions.json"
SECTION, METRIC = "caption table", "bleu4"
PICTURES = 100  # That the two encoders are compared on: the first of test.
# On all 1,000 test pictures, as the data's README has them.
PUBLISHED = {
    "BRNN (Karpathy & Fei-Fei 2015)": (57.9, 38.3, 24.5, 16.0),
    "m-RNN (Mao et al. 2015)": (56.5, 38.6, 25.6, 17.0),
    "Google NIC (Vinyals et al. 2015)": (63, 41, 27, None),
    "log-bilinear (Kiros et al. 2014)": (65.6, 42.4, 27.7, 17.7),
    "soft attention, VGG-19 (Xu et al. 2015)": (67, 44.8, 29.9, 19.5),
    "hard attention, VGG-19 (Xu et al. 2015)": (67, 45.7, 31.4, 21.3),
}


def encoder_agreement(data_dir: str) -> dict:
    """How many of the pictures the dequantised network names as the file does."""
    import keras
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter
    from PIL import Image

    from keras_seqzoo.datasets import catalogue
    from keras_seqzoo.datasets.mobilenet_v2_imagenet import weights_file
    from keras_seqzoo.models import mobilenet_v2

    path = weights_file(data_dir)
    images = keras.Input((224, 224, 3))
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(images)
    network = mobilenet_v2.mobilenet_v2(scaled, classes=1001)
    weights = mobilenet_v2.read_tflite_weights(path)
    mobilenet_v2.set_folded_weights(network, weights)
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (wanted,), (given,) = (
        interpreter.get_input_details(),
        interpreter.get_output_details(),
    )
    same = 0
    for row in catalogue.rows("flickr8k", f"test[:{PICTURES}]", data_dir):
        picture = Image.fromarray(row["image"]).resize((224, 224), Image.BILINEAR)
        pixels = np.asarray(picture)[None]
        interpreter.set_tensor(wanted["index"], pixels)
        interpreter.invoke()
        theirs = int(np.argmax(interpreter.get_tensor(given["index"])))
        chances = network(pixels.astype("float32"), training=False)
        same += theirs == int(np.argmax(chances))
    return {"pictures": PICTURES, "same": same}


def measure(data_dir: str, tags: list[str]) -> dict:
    """BLEU-1 to 4 of each tag; of other tags what was measured before."""
    import keras_seqzoo as seqzoo
    from keras_seqzoo.training.metrics import bleu
    from keras_seqzoo.training.tasks.captioning import Captioning, one_a_picture

    found = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    found["encoder"] = encoder_agreement(data_dir)
    rows = one_a_picture(Captioning.read("flickr8k", "test", data_dir))
    references = [row.references for row in rows]
    found.setdefault("tags", {})
    for tag in tags or pretrained(METRIC):
        model = seqzoo.load(tag)
        entry = {"cell": model.config["cell"], "parameters": model.count_params()}
        for name, beams in (("beam", model.config["beams"]), ("greedy", 1)):
            captions = model.caption([row.image for row in rows], beams=beams)
            entry[name] = [round(x, 2) for x in bleu(captions, references)]
        found["tags"][tag] = {**entry, "beams": model.config["beams"]}
    return found


def table(found: dict) -> str:
    """Markdown."""
    lines = [
        "| model | pictures | search | BLEU-1 | BLEU-2 | BLEU-3 | BLEU-4 "
        "| parameters |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for tag, row in sorted(found["tags"].items()):
        for name in ("beam", "greedy"):
            search = f"beam {row['beams']}" if name == "beam" else "greedy"
            figures = " | ".join(f"{x:.2f}" for x in row[name])
            lines.append(
                f"| {tag} | 800 | {search} | {figures} | {row['parameters']:,} |"
            )
    for name, figures in PUBLISHED.items():
        figures = " | ".join("-" if x is None else str(x) for x in figures)
        lines.append(f"| {name} | 1,000 | - | {figures} | - |")
    same, pictures = found["encoder"]["same"], found["encoder"]["pictures"]
    agreement = (
        f"The encoder that they start from, dequantised into Keras, names the same "
        f"class first as the quantised file in LiteRT for {same} of {pictures} test "
        "pictures."
    )
    return "\n".join([*lines, "", agreement])


def without_row(found: dict) -> list[str]:
    """The pretrained tags that were not measured."""
    return [tag for tag in pretrained(METRIC) if tag not in found["tags"]]


def main() -> int:
    purpose = __doc__.splitlines()[0]
    return measured_section(purpose, SECTION, RESULTS, measure, table, without_row)


if __name__ == "__main__":
    sys.exit(main())
