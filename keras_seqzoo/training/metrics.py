"""Figures of merit, computed as the published tables compute them."""

from collections.abc import Sequence

import jiwer
import sacrebleu
from seqeval.metrics import f1_score, precision_score, recall_score

from keras_seqzoo.errors import UserError


def slot_scores(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> dict[str, float]:
    """Precision, recall and F1 over slot chunks, in percent.

    The definition of CoNLL-2000's `conlleval`, which seqeval's default mode follows: a
    chunk is right only when its first word, its last word and its name all are. Tags
    are compared as strings, so a gold tag the model does not know counts as a miss.

    Args:
        gold: The true BIO tags of each sentence.
        predicted: The model's tags, as many for each sentence.

    Returns:
        {"precision", "recall", "f1"}.
    """
    if [len(tags) for tags in gold] != [len(tags) for tags in predicted]:
        raise UserError("predicted tags must be as many as gold tags in every sentence")
    gold = [list(tags) for tags in gold]
    predicted = [list(tags) for tags in predicted]
    scores = {"precision": precision_score, "recall": recall_score, "f1": f1_score}
    return {
        name: 100.0 * float(score(gold, predicted, zero_division=0))
        for name, score in scores.items()
    }


def corpus_bleu(
    sentences: Sequence[str], references: Sequence[str], tokenize: str = "13a"
) -> tuple[float, str]:
    """sacrebleu's corpus BLEU in percent, cased, of detokenised text.

    Args:
        sentences: One for each example.
        references: As many.
        tokenize: sacrebleu's tokenizer: "13a", or "zh" for Chinese, by characters.

    Returns:
        The figure, and sacrebleu's signature, which says how it was measured.

    Source: Post 2018, A Call for Clarity in Reporting BLEU Scores, arXiv 1804.08771.
    """
    if len(sentences) != len(references):
        raise UserError(
            f"sentences must be as many as the examples, {len(references)}. "
            f"Received: {len(sentences)}"
        )
    measure = sacrebleu.BLEU(tokenize=tokenize, force=True)
    score = measure.corpus_score(list(sentences), [list(references)]).score
    return float(score), str(measure.get_signature())


def bleu(
    sentences: Sequence[str], references: Sequence[Sequence[str]]
) -> tuple[float, float, float, float]:
    """Corpus BLEU-1 to BLEU-4 in percent.

    Modified n-gram precision, clipped by the largest count in a reference; geometric
    mean; brevity penalty by the reference of the closest length; no smoothing.
    (sacrebleu's `corpus_bleu` with tokenize "none"; Papineni et al. 2002.)

    Args:
        sentences: One for each example; words are parted by spaces, and are compared
            as they stand.
        references: For each example its references, as many of each.
    """
    if len(sentences) != len(references):
        raise UserError(
            f"sentences must be as many as the examples, {len(references)}. "
            f"Received: {len(sentences)}"
        )
    columns = list(zip(*references, strict=True))

    def score(order: int) -> float:
        measure = sacrebleu.BLEU(
            tokenize="none", smooth_method="none", force=True, max_ngram_order=order
        )
        return float(measure.corpus_score(list(sentences), columns).score)

    return score(1), score(2), score(3), score(4)


def error_rates(references: Sequence[str], found: Sequence[str]) -> tuple[float, float]:
    """Word and character error rate in percent, pooled over all examples.

    Substitutions, deletions and insertions of the shortest edit by the number of
    words, or characters with single blanks, of the references (jiwer).

    Args:
        references: The true texts, of which one has a word.
        found: As many texts.
    """
    if len(references) != len(found):
        raise UserError(
            f"texts must be as many as the references, {len(references)}. "
            f"Received: {len(found)}"
        )
    if not any(text.split() for text in references):
        raise UserError("references must have a word. Received: none")
    wer = jiwer.wer(list(references), list(found))
    return 100.0 * float(wer), 100.0 * float(jiwer.cer(list(references), list(found)))
