import fnmatch
import inspect

import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.models.search_arguments import (
    SEARCHING,
    search_arguments,
    search_overrides,
)
from keras_seqzoo.registry import architectures, load


def test_none_is_the_models_own_and_a_penalty_needs_beams():
    assert search_arguments(None, None, 1) == (None, None)
    assert search_arguments(None, 2, 4) == (None, 2.0)
    assert search_arguments(3, 0.5, 1) == (3, 0.5)
    for beams, own in ((1, 4), (None, 1)):
        with pytest.raises(UserError, match="left out of greedy search.*beams=1"):
            search_arguments(beams, 2, own)
    with pytest.raises(UserError, match="`beams` must be a positive integer"):
        search_arguments(0, None, 4)
    assert search_arguments(256, None, 4) == (256, None)
    with pytest.raises(UserError, match="of at most 256. Received: beams=257"):
        search_arguments(257, None, 4)


def test_which_architectures_search():
    searching = {
        name
        for name, one in architectures().items()
        if "beams" in inspect.signature(one.model_class.__init__).parameters
    }
    for name in architectures():
        named = any(fnmatch.fnmatchcase(name, one) for one in SEARCHING)
        assert named == (name in searching)


def test_beams_are_for_a_model_that_searches():
    assert search_overrides("gru_tagger.atis", None) == {}
    tag = "bi_peephole_speech.an4"
    assert search_overrides(tag, 4) == {"beams": 4}
    with pytest.raises(UserError, match=r"of gru_tagger.atis: only \*_speech, .*: 4$"):
        search_overrides("gru_tagger.atis", 4)
    with pytest.raises(UserError, match="load one of its pretrained tags"):
        load("bi_peephole_speech", **search_overrides("bi_peephole_speech", 4))
    for file in ("x.tflite", "x.onnx"):
        with pytest.raises(UserError, match="a file has its search in it"):
            search_overrides(file, 4)
