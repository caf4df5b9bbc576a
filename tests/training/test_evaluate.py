import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.training import evaluate


def test_a_batch_to_evaluate_has_a_sentence_or_more():
    with pytest.raises(UserError, match="`batch_size` must be.*batch_size=0"):
        evaluate("bi_gru_tagger.atis", batch_size=0)
