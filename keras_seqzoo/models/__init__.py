"""The reference models; importing this package registers all of them."""

from keras_seqzoo.models.ctc.speech_recogniser import SpeechRecogniser
from keras_seqzoo.models.many_to_one.sentence_classifier import SentenceClassifier
from keras_seqzoo.models.many_to_one.series_classifier import SeriesClassifier
from keras_seqzoo.models.one_to_many.language_model import CharacterModel, WordModel
from keras_seqzoo.models.one_to_many.piano_roll_model import PianoRollModel
from keras_seqzoo.models.one_to_many.show_and_tell import ShowAndTell
from keras_seqzoo.models.one_to_many.show_attend_and_tell import ShowAttendAndTell
from keras_seqzoo.models.seq2seq import (  # noqa: F401  registered
    bahdanau_translator,
    luong_translator,
    seq2seq,
)
from keras_seqzoo.models.seq2seq.recurrent_translator import RecurrentTranslator
from keras_seqzoo.models.seq2seq.transformer import Transformer
from keras_seqzoo.models.synced.slot_tagger import SlotTagger
from keras_seqzoo.models.zoo_model import ZooModel

__all__ = [
    "CharacterModel",
    "PianoRollModel",
    "RecurrentTranslator",
    "SentenceClassifier",
    "SeriesClassifier",
    "ShowAndTell",
    "ShowAttendAndTell",
    "SlotTagger",
    "SpeechRecogniser",
    "Transformer",
    "WordModel",
    "ZooModel",
]
