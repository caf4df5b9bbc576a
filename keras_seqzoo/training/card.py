"""The card of a trained preset: its README.md."""

from typing import Any


def card(description: str, metadata: dict[str, Any], recipe: str, name: str) -> str:
    """Markdown about the preset, from its stored metadata.

    Args:
        description: A sentence on the architecture, with its source.
        metadata: As `train` returns it.
        recipe: The recipe's file.
        name: What to load the preset by: its tag if it is shipped, or its folder.
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
    return f"""# {tag}

{description} It reads a sentence and gives a BIO slot tag for each word.

| | |
|---|---|
| slot F1, {metadata["split"]} part | {metadata["value"]} |
| slot F1, validation part | {"-" if dev is None else dev} |
| parameters | {metadata["parameters"]:,} |
| training | {metadata["train_seconds"]:.0f} s, seed {metadata["seed"]} |

Slot F1 is CoNLL-2000's (conlleval, seqeval), in percent, measured on these float16
weights.

## Use
```python
import keras_seqzoo as seqzoo

tagger = seqzoo.load("{name}")
tagger.predict_text(["one sentence, words parted by spaces"])
```
`seqzoo.export(tagger, "tagger.tflite")` makes a file for phones.

## Data
{metadata["dataset"]}, {metadata["source"]}. Licence: {metadata["licence"]}.
Cite: {metadata["citation"]}.

## Training
Recipe `{recipe}`: trained on {splits}, batches of \
{data["batch_size"]}, {training["optimizer"]}, learning rate \
{training["learning_rate"]} ({training["schedule"]}), at most {training["epochs"]} \
epochs.

Model: {settings or "the architecture's defaults"}. {choice}

## Limits
English sentences of the data's own domain, split at spaces and without punctuation.
Slots that the training part lacks are never predicted.
"""
