"""From step functions to sequences: searches in the graph, so that they export."""

from keras_seqzoo.decoding.beam_search import beam_search, for_each_beam
from keras_seqzoo.decoding.ctc_best_path import ctc_best_path
from keras_seqzoo.decoding.ctc_prefix_beam import ctc_prefix_beam
from keras_seqzoo.decoding.greedy_search import greedy_search

__all__ = [
    "beam_search",
    "ctc_best_path",
    "ctc_prefix_beam",
    "for_each_beam",
    "greedy_search",
]
