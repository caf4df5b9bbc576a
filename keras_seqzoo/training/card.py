"""The card of a trained preset: its README.md."""

import re
from typing import Any

from keras_seqzoo.training.tasks import Task


def card(
    task: type[Task],
    description: str,
    config: dict[str, Any],
    metadata: dict[str, Any],
    recipe: str,
    name: str,
    sha256: str,
    with_picture: bool = False,
) -> str:
    """Markdown about the preset, from its stored metadata.

    Args:
        task: Of the model.
        description: A sentence on the architecture, with its source.
        config: The model's arguments.
        metadata: As `train` returns it.
        recipe: The recipe's file.
        name: What to load the preset by: its tag if it is shipped, or its folder.
        sha256: Of the weights' file.
        with_picture: Whether the preset has a picture of its training.
    """
    tag, dev = metadata["tag"], metadata["dev_value"]
    words = task.words(config, metadata)
    usage = words.usage.format(name=name)
    numpy = "import numpy as np\n" if "np." in usage else ""
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
    dev_value = "-" if dev is None else dev
    tokens = data.get("tokens_per_batch")
    batches = f"batches of {data['batch_size']}"
    if tokens:
        batches = f"batches of {tokens} {task.STEPS}"
    figure = task.FIGURE[0].upper() + task.FIGURE[1:]
    curves = "Loss" if dev is None else f"Loss and dev {task.FIGURE}"
    alt_text = f"{curves} over the epochs"
    most = training["epochs"]
    epochs = f"{most} epoch" + ("s" if most > 1 else "")
    if training.get("patience"):
        epochs = f"at most {epochs}"
    kept = training.get("keep", "float16")
    device = f" on {metadata['device']}" if "device" in metadata else ""
    picture = f"\n![{alt_text}](training.png)\n" if with_picture else ""
    starts_from = f"\n\n{task.STARTS_FROM}" if task.STARTS_FROM else ""
    further_data = f"\n\n{words.further_data}" if words.further_data else ""
    return f"""# {tag}

{description} {words.gives}

| | |
|---|---|
| {task.FIGURE}, {metadata["split"]} part | {metadata["value"]} |
{words.further_figures}| {task.FIGURE}, validation part | {dev_value} |
| parameters | {metadata["parameters"]:,} |
| training | {metadata["train_seconds"]:.0f} s{device}, seed {metadata["seed"]} |
| sha256 of the weights | `{sha256}` |

{figure} is {words.figure_is}, measured on these {kept}
weights.

## Intended use
{words.intended_use}

```python
import keras_seqzoo as seqzoo
{numpy}
{usage}
# Tune it with rows of your own: {task.OWN_ROW}.
rows = {words.own_rows}
dataset = seqzoo.own_dataset(rows, model)
model.compile("adam", seqzoo.loss_for(model))
model.fit(dataset, epochs=3, shuffle=False)

# Or .onnx, or a folder for SavedModel.
seqzoo.export(model, "model.tflite")
```

## Data
{metadata["dataset"]}, {metadata["source"]}. Licence: {metadata["licence"]}.
Cite: {metadata["citation"]}.{further_data}

## Training
Recipe `{recipe}`: trained on {splits}, {batches}, {training["optimizer"]}, \
learning rate {training["learning_rate"]} ({training["schedule"]}), \
{epochs}.{starts_from}

Model: {settings or "the architecture's defaults"}. {choice}
{picture}
## Limits
{words.limits}

## Cite
{_source(description)}, and keras_seqzoo's preset `{tag}` (sha256 above).
"""


def _source(description: str) -> str:
    """The paper that the description names."""
    found = re.search(r"\(([^()]*\d{4}[^()]*)\)", description)
    return found.group(1) if found else description.removesuffix(".")
