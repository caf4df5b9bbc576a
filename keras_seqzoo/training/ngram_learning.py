"""n-gram language models learned from texts, as the lines of an ARPA file."""

import math
from collections import Counter
from collections.abc import Sequence

from keras_seqzoo.runtime.ngram import BEGIN, END, NEVER, SPACE


def learned_ngram(
    texts: Sequence[Sequence[str]], order: int, min_count: int = 1
) -> list[str]:
    """An interpolated n-gram model with Witten-Bell smoothing.

        p(w | h) = (c(h w) + t(h) p(w | h')) / (c(h) + t(h))

    where t(h) counts the different words that follow h, h' is h without its first word,
    and before all is the same probability for each word.

    Args:
        texts: Each a sequence of labels.
        order: The longest n-gram's number of labels.
        min_count: How often a context of two labels or more must have come.

    Returns:
        The lines of an ARPA file.

    Source: Bell, Cleary and Witten 1990, Text Compression; Chen & Goodman 1998,
    section 2.4.
    """
    counts: Counter = Counter()
    for text in texts:
        words = (BEGIN, *(SPACE if one == " " else one for one in text), END)
        for end in range(2, len(words) + 1):
            for start in range(max(0, end - order), end):
                counts[words[start:end]] += 1
    totals, kinds = Counter(), Counter()
    for words, count in counts.items():
        totals[words[:-1]] += count
        kinds[words[:-1]] += 1
    kept = {h for h, n in totals.items() if len(h) < 2 or n >= min_count}
    vocabulary = kinds[()]
    p: dict[tuple, float] = {}
    for words in sorted(counts, key=len):
        h = words[:-1]
        if h not in kept:
            continue
        shorter = p[words[1:]] if h else 1.0 / vocabulary
        p[words] = (counts[words] + kinds[h] * shorter) / (totals[h] + kinds[h])
    if kept:  # the beginning is a context, and never follows
        p[(BEGIN,)] = 10.0**NEVER
    by_order: dict[int, list[str]] = {}
    for words in sorted(p):
        line = f"{math.log10(p[words]):.4f}\t{' '.join(words)}"
        if words in kept:
            line += f"\t{math.log10(kinds[words] / (totals[words] + kinds[words])):.4f}"
        by_order.setdefault(len(words), []).append(line)
    lines = ["\\data\\", *(f"ngram {n}={len(x)}" for n, x in sorted(by_order.items()))]
    for n, some in sorted(by_order.items()):
        lines += ["", f"\\{n}-grams:", *some]
    return [*lines, "", "\\end\\"]
