"""SNIPS: requests to a voice assistant, 7 intents (13,084 / 700 / 700 sentences)."""

from keras_seqzoo.datasets.slot_files import SlotFilesBuilder


class Snips(SlotFilesBuilder):
    """The tfds builder of SNIPS, with the standard splits."""

    name = "snips"
    TITLE = "SNIPS"
    METRIC = (
        "slot F1: micro average over chunks as conlleval counts them (seqeval's "
        "default), 1,790 gold chunks in test; beside it the accuracy of intents"
    )
    TRAPS = (
        "In the files words are parted by runs of white space, and lines end in a "
        "space: split at single blanks, words and tags would not agree. Here they do.",
        "Six characters were broken at the source and are U+FFFD.",
        "23 test and 9 validation sentences occur in train too.",
    )
    HOMEPAGE = "https://github.com/MiuLab/SlotGated-SLU"
    URL = "https://raw.githubusercontent.com/MiuLab/SlotGated-SLU/master/data/snips"
    SOURCE = "GitHub MiuLab/SlotGated-SLU, folder data/snips (Goo et al., NAACL 2018)"
    LICENCE = (
        "CC0 1.0 for the original (snipsco/nlu-benchmark); none stated for this split"
    )
    CITATION = "Coucke et al., Snips Voice Platform, arXiv 1805.10190, 2018"
    ROWS = {"train": 13084, "validation": 700, "test": 700}
    SHA256 = {
        "test/label": (
            "37a26da3ad079bb41c42c85a3a8f827eb47efec4c5917ce5d08f4b2736e4f830"
        ),
        "test/seq.in": (
            "c1e341173fcea2951a8ca371956a6f81c76de87b9583c62eb87edd6158fa3a7c"
        ),
        "test/seq.out": (
            "58c07c9097d5e1f78889765c2a535a160f6455b90b3142055c8051847afcca47"
        ),
        "train/label": (
            "bfd7df6cf9dd76c5da5d8b61bc85f90386197bdd3d7510c1d324c051537b962f"
        ),
        "train/seq.in": (
            "04ad1e3f2121d83c6478f9a4b17d2dbdc21d06d6127f73cb7af835ed733f9855"
        ),
        "train/seq.out": (
            "fd5f2121d8055827e5d6b3d3bac30f3d7e94e82a5d437751960cbdd9e1b4f6d3"
        ),
        "valid/label": (
            "9c1dd041216f647bcfca838aaf1a48eb5781e4404256d31ff07cd38a5436c52f"
        ),
        "valid/seq.in": (
            "64e0f6d8ad8aab3a3828164d7d53731a0993d3ca1aed437ceaca6d3d568d410e"
        ),
        "valid/seq.out": (
            "712e6d34feb8d52d208b820a5f8bae6e6ff990f08374507dfde22de389088319"
        ),
    }
