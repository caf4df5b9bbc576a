"""ATIS: air travel queries with slots and intents (4,478 / 500 / 893 sentences)."""

from keras_seqzoo.datasets.slot_files import SlotFilesBuilder


class Atis(SlotFilesBuilder):
    """The tfds builder of ATIS, with the standard splits."""

    name = "atis"
    TITLE = "ATIS"
    METRIC = (
        "slot F1: micro average over chunks as conlleval counts them (seqeval's "
        "default), 2,837 gold chunks in test; beside it the accuracy of intents"
    )
    TRAPS = (
        "Test has six tags, and validation one, that train lacks: these chunks count "
        "as misses, they are not left out.",
        "A sentence may have several intents, joined by `#`. Matching the joined label "
        "is the stricter convention; counting any one of them as right gives more.",
        "Five intents of validation and test never occur in train.",
        "13 test and 52 validation sentences occur in train too, and 289 train "
        "sentences repeat an earlier one.",
        "Nearly three in four sentences have the intent `atis_flight`.",
        "Many papers before 2016 train on 4,978 sentences: train and validation.",
    )
    HOMEPAGE = "https://github.com/MiuLab/SlotGated-SLU"
    URL = "https://raw.githubusercontent.com/MiuLab/SlotGated-SLU/master/data/atis"
    SOURCE = "GitHub MiuLab/SlotGated-SLU, folder data/atis (Goo et al., NAACL 2018)"
    LICENCE = (
        "not stated by the source; the ATIS speech corpora belong to the "
        "Linguistic Data Consortium"
    )
    CITATION = (
        "Hemphill, Godfrey, Doddington, The ATIS Spoken Language Systems Pilot "
        "Corpus, HLT 1990"
    )
    ROWS = {"train": 4478, "validation": 500, "test": 893}
    SHA256 = {
        "test/label": (
            "ce4bfe6590d9498e1078f30b4137d3e8b3e94277b444b26360c0bf2e9e282761"
        ),
        "test/seq.in": (
            "4b2119fc59c37f9398c6605db435d4f467505009e6ee3e5af04fed09f39dc397"
        ),
        "test/seq.out": (
            "a4690d6bceadc06876d1ff99bc401744aa981cb321e598ae12a3859d7be53254"
        ),
        "train/label": (
            "d0a771547665eecbdf9f96ea015ef07d1f6ee9f063e861020dafabb3c2a04377"
        ),
        "train/seq.in": (
            "3a670980841b21ab39088b2595efc17d487cdc45769c075a3e5f9458bba28c7f"
        ),
        "train/seq.out": (
            "14c7131bd66562f797dbd7189bc7358f0cf354c6afb0785a9ab973c35b58f34c"
        ),
        "valid/label": (
            "06957cfe6fdffac84f8280bc3a1f8ca85c85631b363817aa4543aac611f8addf"
        ),
        "valid/seq.in": (
            "c7435b96e7948393608c34819628e863c5338f11ca68e8f896d2cc041d8e17f8"
        ),
        "valid/seq.out": (
            "83ccff3e36f83a993f8e5b5b82adf3256076f234abda4d784051381d7ac76922"
        ),
    }
