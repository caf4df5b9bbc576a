import types

import numpy as np
import pytest

from keras_seqzoo.datasets.tagged_sentence import TaggedSentence
from keras_seqzoo.errors import UserError
from keras_seqzoo.training.tasks.captioning import Captioned, Captioning
from keras_seqzoo.training.tasks.sentiment import Review, Sentiment
from keras_seqzoo.training.tasks.slot_filling import SlotFilling
from keras_seqzoo.training.tasks.translation import Pair, Translation

ROWS = {
    SlotFilling: TaggedSentence(("a", "bag"), ("O", "O")),
    Sentiment: Review("a bag", "good"),
    Captioning: Captioned(np.zeros((4, 4, 3), "uint8"), "a bag", "1.jpg", ()),
    Translation: Pair("a bag", "ein Beutel", "de"),
}


@pytest.mark.parametrize("task", ROWS, ids=lambda task: task.__name__)
def test_words_that_are_all_too_rare_leave_no_vocabulary(task):
    rows = [ROWS[task]] * 3
    data = types.SimpleNamespace(min_count=100, subwords=40, dataset="multi30k")
    with pytest.raises(UserError, match=r"data.min_count: .*Received: 100"):
        task.assets(rows, data)
    data.min_count = 3
    assert task.assets(rows, data)["vocabulary"]
