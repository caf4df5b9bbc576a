"""What an export found out about the file it wrote."""

import dataclasses
import textwrap


class ExportError(RuntimeError):
    """The model could not be converted, or the file does not agree with Keras."""


@dataclasses.dataclass
class ExportReport:
    """A written and verified file.

    Attributes:
        path: where it is.
        format: "tflite", "onnx" or "saved_model".
        bytes: its size; a folder's is the sum of its files.
        signatures: the names of its signatures (of an ONNX export, its two files).
        no_step: why there is no signature `step`; None if there is one.
        step_path: where the second file of an ONNX export is, None without one.
        operators: how many times it holds each operator.
        max_difference: the largest absolute difference from Keras seen in its own
            runtime, over all `cases`; of a model that searches and has other scores
            besides, in those.
        tolerance: what was allowed.
        search_difference: of such a model the largest in its search's score and in what
            goes with the sequence that was found; else None.
        search_tolerance: what was allowed of that.
        cases: the (batch, length) pairs that were run.
        different_labels: how many labels (integer outputs), over all `cases`, are not
            Keras' but nearly as good by its scores; None without such outputs.
        compared_labels: how many there are, padding aside; likewise.
        keras_metric: the metric that was asked for, computed with Keras; or None.
        metric: the same of the file.
        metric_loss: how much worse that is than Keras'; below zero if better.
        max_loss: how much worse it could be; None for any.
        latency_ms: median time of one call on one thread.
        latency_shape: the (batch, length) of that call.
        step_difference: the largest absolute difference between the answer in chunks,
            by `step`, and in one piece; None without a `step`.
        step_latency_ms: median time of one step at batch 1 on one thread, likewise.
        quantize: as it was asked for.
        length_name: what the lengths are of: "length", or the "height" of pictures.
        label_unit: what has a label each: "words", "steps", "series", ...; "integers"
            of a model that is not the zoo's.
    """

    path: str
    format: str
    bytes: int
    signatures: list[str]
    no_step: str | None
    step_path: str | None
    operators: dict[str, int]
    max_difference: float
    tolerance: float
    search_difference: float | None
    search_tolerance: float | None
    cases: list[tuple[int, int]]
    different_labels: int | None
    compared_labels: int | None
    keras_metric: float | None
    metric: float | None
    metric_loss: float | None
    max_loss: float | None
    latency_ms: float
    latency_shape: tuple[int, int]
    step_difference: float | None
    step_latency_ms: float | None
    quantize: str | None
    length_name: str = "length"
    label_unit: str = "integers"

    def to_dict(self) -> dict:
        """The report as values that JSON can hold."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        operators = ", ".join(
            name if count == 1 else f"{name} x{count}"
            for name, count in sorted(self.operators.items())
        )
        batch, length = self.latency_shape
        batches = sorted({case[0] for case in self.cases})
        lengths = sorted({case[1] for case in self.cases})
        labels = ""
        if self.different_labels is not None:
            labels = (
                f"; {self.different_labels:,} of {self.compared_labels:,} "
                f"{self.label_unit} differ"
            )
        rows = {
            "file": ", ".join(filter(None, [self.path, self.step_path])),
            "format": self.format + (f", {self.quantize}" if self.quantize else ""),
            "signatures": ", ".join(self.signatures),
            "size": f"{self.bytes / 1e6:.3f} MB",
            "difference": f"{self.max_difference:.1e} at most from Keras "
            f"(allowed {self.tolerance:.1e})" + labels,
            "search": self._search_line(),
            "metric": self._metric_line(),
            "verified on": f"batch {_several(batches)}, "
            f"{self.length_name} {_several(lengths)}",
            "latency": f"{self.latency_ms:.2f} ms "
            f"(batch {batch}, {self.length_name} {length}, one thread)",
            "step": f"{self.step_latency_ms:.3f} ms (batch 1, one step), "
            f"{self.step_difference:.1e} at most from the whole sequence"
            if self.no_step is None
            else f"none: {self.no_step}",
            "operators": operators,
        }
        return "\n".join(
            textwrap.fill(
                value, 88, initial_indent=f"{name:<13}", subsequent_indent=" " * 13
            )
            for name, value in rows.items()
            if value
        )

    def _search_line(self) -> str:
        if self.search_difference is None:
            return ""
        return (
            f"{self.search_difference:.1e} at most from Keras "
            f"(allowed {self.search_tolerance:.1e})"
        )

    def _metric_line(self) -> str:
        if self.metric is None:
            return ""
        allowed = "" if self.max_loss is None else f", allowed {self.max_loss:.2f}"
        return (
            f"{self.metric:.2f}, in Keras {self.keras_metric:.2f} "
            f"(loss {self.metric_loss:.2f}{allowed})"
        )


def _several(numbers):
    return ", ".join(str(number) for number in numbers)
