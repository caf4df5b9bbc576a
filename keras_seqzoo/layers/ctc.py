"""Connectionist temporal classification: labels whose places in time are not known."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_seqzoo.arguments import positive_integer
from keras_seqzoo.errors import UserError
from keras_seqzoo.layers.xla import under_xla

BLANK = 0  # The id of no label; label i of a list has id i + 1.
NO_LABEL = -1  # Padding of targets.
SILENCE = -2  # The only entry of a target in which there is no label.
NEVER = -100.0  # The logit of labels at padding, whose blank has 0.

# What is wrong with a target.
_ROW = "example {} of the batch"
_ROW_SAYS = _ROW + ", labels [{}]"
# No apostrophe: TensorFlow would escape it.
_UNKNOWN = (
    "{}: a label must be a number from 0 to {}, the last that the model has. "
    "Received: {}"
)
_COMES_LATE = "{}: a number below 0 ends the labels. Received: [{}]"
_TOO_LONG = (
    "{}: {} labels must have {} steps or more, one each and one between equal ones. "
    "Received: {} steps"
)


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class CTC(keras.layers.Layer):
    """The scores of no label, the blank, and of each label at every step.

    A padded step says blank, beyond doubt. So an alignment of the padded sequence has
    the probability of that of the sequence alone, and neither the loss nor a search
    needs to know its length.

    Args:
        num_labels: Number of labels, the blank not among them.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call: `(batch, time, features)` and `mask`, booleans `(batch, time)` or None.
    Returns logits `(batch, time, 1 + num_labels)`; the blank is first.

    Source: Graves et al. 2006, Connectionist Temporal Classification: Labelling
    Unsegmented Sequence Data with Recurrent Neural Networks, section 3.
    """

    def __init__(self, num_labels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_labels = positive_integer("num_labels", num_labels)
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        size = 1 + self.num_labels
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], size))
        self.bias = self.add_weight(name="bias", shape=(size,), initializer="zeros")

    def call(self, inputs: Any, mask: Any = None) -> Any:
        logits = ops.matmul(inputs, self.kernel) + self.bias
        if mask is None:
            return logits
        silent = ops.convert_to_tensor(_silent(self.num_labels), logits.dtype)
        return ops.where(mask[..., None], logits, silent)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: a padded step has an answer, and the loss weighs labels, not steps."""
        return

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return *input_shape[:-1], 1 + self.num_labels

    def get_config(self) -> dict:
        return {**super().get_config(), "num_labels": self.num_labels}


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class CTCLoss(keras.losses.Loss):
    """Minus the logarithm of the probability of all alignments of the labels.

    Targets are `(batch, labels)`, integers: numbers of labels, -1 behind them; of a
    sound in which nothing is said -2 and then -1.
    Predictions are `(batch, time, 1 + num_labels)`, logits as `CTC` gives them.

    Each label is given the same share of its example's loss, so that weights of labels
    apply: the pipeline's, 1 / n of n labels in a batch, make of the sum a mean.

    Args:
        reduction: As of `keras.losses.Loss`. "sum" is the sum over all examples
            (`keras.losses.CTC` has their mean); a mean is over all entries of the
            targets, padding among them.
        name, dtype: As of `keras.losses.Loss`.

    Raises:
        ValueError: Targets or predictions have another number of dimensions.
        UserError: A target has a label that the model lacks, a label behind a -1, or
            more labels than its steps allow. Inside a `tf.function`, as `fit` has,
            it is a `tf.errors.InvalidArgumentError` with the same text (see
            `wrong_targets_as_error`), which names the row in the device's part of the
            batch. XLA (`jit_compile=True`) and `jax.jit` have no errors: there the loss
            of the first two is NaN, and that of the last very large.

    Source: Graves et al. 2006, section 4.1, over `keras.ops.ctc_loss`.
    """

    def __init__(
        self, reduction: str | None = "sum", name: str = "ctc_loss", dtype: Any = None
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Of targets (batch, labels) the loss of each label, (batch, labels)."""
        if len(y_true.shape) != 2 or len(y_pred.shape) != 3:
            raise ValueError(
                "Targets must be (batch, labels) and logits (batch, time, "
                "1 + num_labels). Received: shapes "
                f"{tuple(y_true.shape)} and {tuple(y_pred.shape)}"
            )
        labels, largest = ops.cast(y_true, "int32"), y_pred.shape[-1] - 2
        has_values = _check(labels, y_pred, largest)
        is_label = labels >= 0
        count = ops.sum(ops.cast(is_label, "int32"), axis=1)  # (batch,)
        steps = ops.zeros_like(count) + ops.shape(y_pred)[1]
        ids = ops.where(is_label, ops.minimum(labels, largest) + 1, 0)
        logits = ops.cast(y_pred, "float32")
        loss = ops.ctc_loss(ids, logits, count, steps, mask_index=BLANK)  # (batch,)
        comes_late = ops.logical_and(is_label[:, 1:], labels[:, :-1] < 0)
        is_unknown = ops.any(labels > largest, axis=1)
        comes_late = ops.any(comes_late, axis=1)
        if not has_values and _can_assert(labels):
            _assert_right(labels, y_pred, largest, is_unknown, comes_late)
        loss = ops.where(ops.logical_or(is_unknown, comes_late), np.nan, loss)
        share = loss / ops.cast(ops.maximum(count, 1), loss.dtype)
        return ops.where(labels != NO_LABEL, share[:, None], 0.0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dtype": self.dtype}


def steps_needed(labels: Sequence[int]) -> int:
    """Steps of the shortest alignment: one a label, and a blank between equal ones."""
    labels = list(labels)
    return len(labels) + sum(a == b for a, b in zip(labels, labels[1:]))


def check_alignable(labels: Sequence[int], steps: int, what: str) -> None:
    """Raises UserError if no alignment of the labels is as short as `steps`.

    Args:
        labels: Their numbers or names.
        steps: Steps that there are.
        what: Which example it is, for the message.
    """
    needed = steps_needed(labels)
    if needed > steps:
        raise UserError(_TOO_LONG.format(what, len(labels), needed, steps))


@contextlib.contextmanager
def wrong_targets_as_error() -> Iterator[None]:
    """Within it what `CTCLoss` finds wrong in a compiled step is a UserError.

    Raises:
        UserError: One line, without TensorFlow's description of the graph.
    """
    try:
        yield
    except Exception as error:
        row = _ROW.format(r"\d+")
        found = re.search(rf"assertion failed: \[({row}.*)\]$", str(error), re.M)
        if found is None:
            raise
        raise UserError(found[1]) from None


def _check(labels: Any, logits: Any, largest: int) -> bool:
    """Checks the targets of a batch and returns True, if it has values here."""
    try:
        labels, logits = np.asarray(labels), np.asarray(logits, "float32")
    except Exception:  # symbolic: each backend has its own error
        return False
    is_padding = (logits == _silent(1 + largest)).all(axis=-1)  # (batch, time)
    for row, (one, steps) in enumerate(zip(labels, (~is_padding).sum(axis=1))):
        what, said = _ROW.format(row), one[one >= 0]
        if (said > largest).any():
            raise UserError(_UNKNOWN.format(what, largest, said.max()))
        if (one[: len(said)] < 0).any():
            raise UserError(_COMES_LATE.format(what, ", ".join(map(str, one))))
        what = _ROW_SAYS.format(row, ", ".join(map(str, said)))
        check_alignable(said, int(steps), what)
    return True


def _can_assert(tensor: Any) -> bool:
    """Whether it is of a TensorFlow graph that can stop with an error."""
    is_of_tensorflow = keras.backend.backend() == "tensorflow"
    return is_of_tensorflow and not (keras.utils.is_keras_tensor(tensor) or under_xla())


def _assert_right(
    labels: Any, logits: Any, largest: int, is_unknown: Any, comes_late: Any
) -> None:
    """Checks the targets of a batch when its graph runs."""
    import tensorflow as tf

    is_label = labels >= 0
    is_equal = is_label[:, 1:] & (labels[:, 1:] == labels[:, :-1])
    count, equal = (tf.math.count_nonzero(x, 1) for x in (is_label, is_equal))
    is_there = tf.reduce_any(logits != _silent(1 + largest), axis=2)
    steps = tf.math.count_nonzero(is_there, 1)
    is_wrong = is_unknown | comes_late | (count + equal > steps)

    def listed(numbers):
        return tf.strings.reduce_join(tf.as_string(numbers), separator=", ")

    def stop():
        row = tf.argmax(is_wrong)  # The first.
        what, one = _filled(_ROW, row), labels[row]
        says = _filled(_ROW_SAYS, row, listed(one[one >= 0]))
        needed = count[row] + equal[row]
        text = tf.where(
            comes_late[row],
            _filled(_COMES_LATE, what, listed(one)),
            _filled(_TOO_LONG, says, count[row], needed, steps[row]),
        )
        unknown = _filled(_UNKNOWN, what, largest, tf.reduce_max(one))
        tf.debugging.Assert(False, [tf.where(is_unknown[row], unknown, text)])

    tf.cond(tf.reduce_any(is_wrong), stop, lambda: None)


def _filled(template: str, *values: Any) -> Any:
    """`str.format` in a TensorFlow graph."""
    import tensorflow as tf

    texts = [*map(tf.as_string, values), ""]
    parts = zip(template.split("{}"), texts, strict=True)
    return tf.strings.join([one for part in parts for one in part])


def _silent(num_labels: int) -> np.ndarray:
    """The logits of a padded step."""
    silent = np.full(1 + num_labels, NEVER, np.float32)
    silent[BLANK] = 0.0
    return silent
