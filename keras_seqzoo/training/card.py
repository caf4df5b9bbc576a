"""The card of a trained preset: its README.md."""

import re
from typing import Any


def card(
    description: str,
    metadata: dict[str, Any],
    recipe: str,
    name: str,
    sha256: str,
    with_picture: bool = False,
) -> str:
    """Markdown about the preset, from its stored metadata.

    Args:
        description: A sentence on the architecture, with its source.
        metadata: As `train` returns it.
        recipe: The recipe's file.
        name: What to load the preset by: its tag if it is shipped, or its folder.
        sha256: Of the weights' file.
        with_picture: Whether the preset has a picture of its training.
    """
    tag, dev = metadata["tag"], metadata["dev_value"]
    splits = " + ".join(metadata["train_splits"])
    data, training = metadata["recipe"]["data"], metadata["recipe"]["training"]
    overrides = metadata["recipe"]["model"]["overrides"]
    settings = ", ".join(f"{key} {value}" for key, value in overrides.items())
    choice = (
        "No part was held out: the last epoch's weights are used."
        if dev is None
        else f"Epoch {metadata['best_epoch']} of {metadata['epochs']} was the best on "
        f"the {data['validation']} part."
    )
    tokens = data.get("tokens_per_batch")
    batches = (
        f"batches of {tokens} words" if tokens else f"batches of {data['batch_size']}"
    )
    picture = (
        "\n![Loss and dev F1 over the epochs](training.png)\n" if with_picture else ""
    )
    return f"""# {tag}

{description} It reads a sentence and gives a BIO slot tag for each word.

| | |
|---|---|
| slot F1, {metadata["split"]} part | {metadata["value"]} |
| slot F1, validation part | {"-" if dev is None else dev} |
| parameters | {metadata["parameters"]:,} |
| training | {metadata["train_seconds"]:.0f} s, seed {metadata["seed"]} |
| sha256 of the weights | `{sha256}` |

Slot F1 is CoNLL-2000's (conlleval, seqeval), in percent, measured on these float16
weights.

## Intended use
To fill slots in short requests to an assistant, on a phone or a server; as a start for
other slots, by fine-tuning; to compare recurrent cells.

```python
import keras_seqzoo as seqzoo

tagger = seqzoo.load("{name}")
tagger.predict_text(["one sentence, words parted by spaces"])

# A new head, to fine-tune on your own slots in plain Keras.
mine = seqzoo.load("{name}", labels=["O", "B-dish"])

# Or .onnx, or a folder for SavedModel.
seqzoo.export(tagger, "tagger.tflite")
```

## Data
{metadata["dataset"]}, {metadata["source"]}. Licence: {metadata["licence"]}.
Cite: {metadata["citation"]}.

## Training
Recipe `{recipe}`: trained on {splits}, {batches}, {training["optimizer"]}, \
learning rate {training["learning_rate"]} ({training["schedule"]}), at most \
{training["epochs"]} epochs.

Model: {settings or "the architecture's defaults"}. {choice}
{picture}
## Limits
English sentences of the data's own domain, split at spaces and without punctuation.
Slots that the training part lacks are never predicted. No other language, domain or
speaker was tried, and no bias was looked for.

## Cite
{_source(description)}, and keras_seqzoo's preset `{tag}` (sha256 above).
"""


def _source(description: str) -> str:
    """The paper that the description names."""
    found = re.search(r"\(([^()]*\d{4}[^()]*)\)", description)
    return found.group(1) if found else description.removesuffix(".")
