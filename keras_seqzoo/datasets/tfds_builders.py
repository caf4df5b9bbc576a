"""Registers the data sets with TensorFlow Datasets, for `tfds.load`.

    import tensorflow_datasets as tfds
    import keras_seqzoo.datasets.tfds_builders

    test = tfds.load("snips", split="test")

This module imports all builders, and with each import tfds learns a name: atis, snips,
sst2, mr, jsb_chorales, nottingham, folk_abc, uci_har, japanese_vowels, fsdd, multi30k,
flickr8k, ptb, connected_digits, an4_mfcc and tatoeba_en_zh. A set's files are fetched
from its public source, or made from what is there; a local copy is given as
`manual_dir`:

    config = tfds.download.DownloadConfig(manual_dir="data/uci_har")
    tfds.load(
        "uci_har", download_and_prepare_kwargs={"download_config": config}
    )

`keras_seqzoo.datasets.catalogue.builder` does the same with a cache of its own and
one-line errors.
"""

from keras_seqzoo.datasets.an4_mfcc import An4Mfcc
from keras_seqzoo.datasets.atis import Atis
from keras_seqzoo.datasets.connected_digits import ConnectedDigits
from keras_seqzoo.datasets.flickr8k import Flickr8k
from keras_seqzoo.datasets.folk_abc import FolkAbc
from keras_seqzoo.datasets.fsdd import Fsdd
from keras_seqzoo.datasets.japanese_vowels import JapaneseVowels
from keras_seqzoo.datasets.jsb_chorales import JsbChorales
from keras_seqzoo.datasets.mr import Mr
from keras_seqzoo.datasets.multi30k import Multi30k
from keras_seqzoo.datasets.nottingham import Nottingham
from keras_seqzoo.datasets.ptb import Ptb
from keras_seqzoo.datasets.snips import Snips
from keras_seqzoo.datasets.sst2 import Sst2
from keras_seqzoo.datasets.tatoeba_en_zh import TatoebaEnZh
from keras_seqzoo.datasets.uci_har import UciHar

__all__ = [
    "An4Mfcc",
    "Atis",
    "ConnectedDigits",
    "Flickr8k",
    "FolkAbc",
    "Fsdd",
    "JapaneseVowels",
    "JsbChorales",
    "Mr",
    "Multi30k",
    "Nottingham",
    "Ptb",
    "Snips",
    "Sst2",
    "TatoebaEnZh",
    "UciHar",
]
