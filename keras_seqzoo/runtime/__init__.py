"""Runs exported files with NumPy and the file's own runtime: no TensorFlow, no Keras.

```python
from keras_seqzoo import runtime

tagger = runtime.load("tagger.tflite")  # or "tagger.onnx"
tagger.predict_text(["i would like to arrive in oulu"])
stream = tagger.stream()
stream("i would"), stream("like")  # each word's slot as it comes
```
"""

import os
import pathlib

from keras_seqzoo.arguments import positive_integer
from keras_seqzoo.errors import UserError
from keras_seqzoo.runtime.captions import CaptionRunner
from keras_seqzoo.runtime.files import read_model_file
from keras_seqzoo.runtime.interpreters import interpreters
from keras_seqzoo.runtime.language_model import LanguageModelRunner
from keras_seqzoo.runtime.piano_roll import PianoRollRunner
from keras_seqzoo.runtime.runner import ArrayStream, Runner
from keras_seqzoo.runtime.sentence_classifier import SentenceClassifierRunner
from keras_seqzoo.runtime.series import SeriesClassifierRunner
from keras_seqzoo.runtime.speech import SpeechRunner
from keras_seqzoo.runtime.tagger import TaggerRunner
from keras_seqzoo.runtime.translation import TranslationRunner
from keras_seqzoo.runtime.word_stream import WordStream

__all__ = [
    "ArrayStream",
    "CaptionRunner",
    "LanguageModelRunner",
    "PianoRollRunner",
    "Runner",
    "SentenceClassifierRunner",
    "SeriesClassifierRunner",
    "SpeechRunner",
    "TaggerRunner",
    "TranslationRunner",
    "WordStream",
    "load",
]

_RUNNERS = {
    None: Runner,
    "slot_tagging": TaggerRunner,
    "series_classification": SeriesClassifierRunner,
    "sentence_classification": SentenceClassifierRunner,
    "captioning": CaptionRunner,
    "piano_roll": PianoRollRunner,
    "translation": TranslationRunner,
    "language_model": LanguageModelRunner,
    "speech_recognition": SpeechRunner,
}


def load(path: str | os.PathLike, num_threads: int = 1) -> Runner:
    """Opens a file that `seqzoo.export` wrote.

    Args:
        path: `x.tflite`, run by LiteRT; or `x.onnx`, run by onnxruntime, with its
            `x.step.onnx` beside it if it is to stream.
        num_threads: how many threads the runtime may use.

    Returns:
        A `Runner`; of a slot tagger a `TaggerRunner`, which reads text.

    Raises:
        UserError: if the file cannot be read, is damaged, or was written otherwise.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise UserError(f"path must be a file's name. Received: path={path!r}")
    num_threads = positive_integer("num_threads", num_threads)
    path = pathlib.Path(path)
    if (path / "saved_model.pb").is_file():
        raise UserError(
            f"{path} is an exported SavedModel: run it with tf.saved_model.load, or "
            "give a .tflite or .onnx file."
        )
    if path.suffix not in (".tflite", ".onnx"):
        raise UserError(
            f"path must end in .tflite or .onnx. Received: path={str(path)!r}"
        )
    if path.name.endswith(".step.onnx"):
        whole = path.name.replace(".step.onnx", ".onnx")
        raise UserError(
            f"path must be {whole}, which brings its second file with it. "
            f"Received: path={str(path)!r}"
        )
    file = read_model_file(path)
    signatures = interpreters(file, num_threads)
    try:
        task = file.description["task"]
        kind = _RUNNERS[task["kind"] if task else None]
        return kind(file, signatures)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise UserError(
            f"{path} has metadata that this version cannot read: "
            f"{type(error).__name__} {error}."
        ) from error
