"""Translation: rows, subwords, targets and BLEU."""

import collections
import math
import types

import keras
import numpy as np
import pytest

from keras_seqzoo.datasets.pipeline import IGNORED
from keras_seqzoo.errors import UserError
from keras_seqzoo.models import Transformer
from keras_seqzoo.runtime.subwords import END, FIRST_SUBWORD, START
from keras_seqzoo.training.metrics import corpus_bleu
from keras_seqzoo.training.tasks.translation import Pair, Translation, study_terms

ROWS = [
    Pair("A dog runs.", "Ein Hund rennt.", "de"),
    Pair("A dog", "Ein Hund", "de"),
    Pair("The dog runs and runs.", "Der Hund rennt und rennt.", "de"),
]
DATA = types.SimpleNamespace(subwords=40, min_count=1)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    assets = Translation.assets(ROWS, DATA)
    return Transformer(**{**Transformer.tiny(), **assets, "max_length": 12})


def test_subwords_are_of_both_sides_and_sources_in_lower_case(model):
    vocabulary = model.config["vocabulary"]
    assert len(vocabulary) <= 40
    assert " Hund" in vocabulary and " dog" in vocabulary
    assert "A" not in vocabulary and "E" in "".join(vocabulary)


def test_targets_are_one_place_ahead_and_classes_begin_with_the_end(model):
    examples = Translation.encode(ROWS, model)
    for i, row in enumerate(ROWS):
        source = examples.inputs["source"][i].numpy()
        before = examples.inputs["tokens"][i].numpy()
        targets = examples.targets[i].numpy() + END
        assert source[-1] == END == targets[-1] and before[0] == START
        assert before[1:].tolist() == targets[:-1].tolist()
        assert min(targets[:-1]) >= FIRST_SUBWORD
        assert model.pieces.target.decode(targets) == row.target
        assert model.pieces.source.decode(source) == row.source.lower()
        assert examples.lengths[i] == max(len(source), len(targets))
        assert examples.pairs[i].numpy().tolist() == [len(source), len(targets)]


def test_a_character_that_cannot_be_written_is_no_target(model):
    row = ROWS[0]
    written = Translation.encode([row], model).targets[0].numpy()
    assert IGNORED not in written
    changed = row._replace(target=f"{row.target} 龘")
    targets = Translation.encode([changed], model).targets[0].numpy()
    assert targets.min() == IGNORED and targets[-1] == 0
    np.testing.assert_array_equal(
        targets[targets != IGNORED][: len(written) - 1], written[:-1]
    )


def test_figure_and_quick_figure_are_bleu_of_the_two_searches(model):
    sources = [row.source for row in ROWS]
    for scorer, beams in (
        (Translation.scorer(model, ROWS), None),
        (Translation.quick_scorer(model, ROWS), 1),
    ):
        found = model.translate(sources, beams=beams)
        wanted = corpus_bleu(found, [row.target for row in ROWS])[0]
        assert scorer() == pytest.approx(wanted)
    perfect = Translation.metric(model, ROWS)(lambda inputs: answers(model, inputs))
    assert perfect == pytest.approx(100.0)


def answers(model, inputs):
    """The references themselves, as `serve` would give them."""
    by_source = {
        tuple(model.pieces.source.encode(row.source, end=True)): row for row in ROWS
    }
    tokens = np.full((len(inputs["source"]), 20), END)
    for row, ids in zip(tokens, inputs["source"]):
        ids = model.pieces.target_ids(by_source[tuple(ids[ids > 0])].target)
        row[: len(ids)] = ids
    return {"tokens": tokens}


def test_the_signature_says_how_words_are_parted():
    signature = Translation.conditions(ROWS)["signature"]
    assert "tok:13a" in signature and "case:mixed" in signature
    chinese = [Pair("Hello.", "你好。", "zh")]
    assert "tok:zh" in Translation.conditions(chinese)["signature"]


def ngrams(words, order):
    return collections.Counter(
        tuple(words[i : i + order]) for i in range(len(words) - order + 1)
    )


def test_bleu_is_the_definition():
    """Modified precisions and brevity penalty (Papineni et al. 2002), by hand."""
    found = "The dog runs and runs in the water ."
    wanted = "The dog runs and jumps in the cold water ."
    precisions = []
    for order in range(1, 5):
        have, reference = (
            ngrams(found.split(), order),
            ngrams(wanted.split(), order),
        )
        precisions.append(sum((have & reference).values()) / sum(have.values()))
    assert min(precisions) > 0
    brevity = math.exp(1 - len(wanted.split()) / len(found.split()))
    expected = 100 * brevity * math.exp(sum(map(math.log, precisions)) / 4)
    # Detokenised: 13a parts the full stop from its word.
    sentences = [text.replace(" .", ".") for text in (found, wanted)]
    value, _ = corpus_bleu(sentences[:1], sentences[1:])
    assert value == pytest.approx(expected, abs=1e-6)


def test_chinese_is_counted_by_characters():
    value, _ = corpus_bleu(["我非常困了。"], ["我非常困。"], "zh")
    # 6 characters, of which 5, 3 of 5 pairs, 2 of 4 threes and 1 of 3 fours are right.
    assert value == pytest.approx(100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)


def test_rows_are_the_sets_languages(monkeypatch):
    rows = [{"en": b"a", "de": b"ein", "zh": "一".encode(), "fr": b"un"}]
    monkeypatch.setattr(
        "keras_seqzoo.training.tasks.translation.catalogue.rows", lambda *_: rows
    )
    assert Translation.read("multi30k", "test", None) == [Pair("a", "ein", "de")]
    assert Translation.read("tatoeba_en_zh", "test", None) == [Pair("a", "一", "zh")]


def test_terms_come_with_the_package_and_are_of_tatoebas_set_alone():
    terms = Translation.read("tatoeba_en_zh", "study_terms", None)
    assert ("deep learning", "深度学习", "zh") in terms
    assert len({term.source for term in terms}) == len(terms) == 119
    # What the README shows the model to compose.
    assert "machine learning" not in {term.source for term in terms}
    with pytest.raises(UserError, match="split must be one of"):
        Translation.read("multi30k", "study_terms", None)


def words_of(dataset, *splits, **more):
    metadata = {"dataset": dataset, "signature": "nrefs:1", "train_splits": splits}
    metadata |= more
    return Translation.words({}, metadata)


def test_a_card_names_the_languages_and_data_of_its_model():
    german, chinese = words_of("multi30k", "train"), words_of("tatoeba_en_zh", "train")
    assert german.gives.endswith("from English into German.")
    assert chinese.gives.endswith("from English into Chinese.")
    assert "`nrefs:1`" in german.figure_is and "test_2016_flickr" in german.figure_is
    assert "bicycle" in german.usage and "bicycle" not in chinese.usage
    text = " ".join(german)
    assert "Chinese" not in text and "learners" not in text and not german.further_data
    with_terms = words_of("tatoeba_en_zh", "train", "study_terms")
    terms = with_terms.further_data
    assert "119 terms" in terms and "written for this project" in terms
    assert "deep learning" in with_terms.limits and "\nsome come" in with_terms.limits
    counted = words_of("tatoeba_en_zh", "study_terms", terms_right=54).limits
    assert "54 of the 119 come out" in counted
    for other in (german, chinese):
        assert "study" not in other.limits and "深" not in other.limits


def test_study_terms_that_come_out_are_counted():
    terms = study_terms()
    answers = [term.target for term in terms[:40]] + ["深深学习"] * (len(terms) - 40)
    model = types.SimpleNamespace(translate=lambda sentences: answers)
    chinese, german = Pair("a", "一", "zh"), Pair("a", "ein", "de")
    found = Translation.further_figures(model, [chinese])
    assert found == {"terms_right": 40}
    assert Translation.further_figures(model, [german]) == {}
