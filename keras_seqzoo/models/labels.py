"""The names of the classes that a model tells apart."""

from collections.abc import Sequence

from keras_seqzoo.arguments import different_strings, positive_integer
from keras_seqzoo.errors import UserError


def label_names(labels: Sequence[str] | None, num_classes: int | None) -> list[str]:
    """The labels, or label_0, label_1, ... if only their number is given.

    Raises:
        UserError: They are not different strings, or not as many as `num_classes`.
    """
    if labels is None and num_classes is None:
        raise UserError("The model needs `labels` (or `num_classes`).")
    if labels is None:
        positive_integer("num_classes", num_classes)
        return [f"label_{i}" for i in range(num_classes)]
    labels = different_strings("labels", labels)
    if not labels:
        raise UserError("`labels` must be one name or more. Received: labels=[]")
    if num_classes not in (None, len(labels)):
        raise UserError(
            "`num_classes` must agree with `labels`, which are "
            f"{len(labels)}. Received: num_classes={num_classes}"
        )
    return labels
