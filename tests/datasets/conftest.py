"""Small sets in the real sets' formats, and the real ones where they are at hand."""

import gzip
import hashlib
import io
import json
import pathlib
import wave
import zipfile

import numpy as np
import pytest
from PIL import Image

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.files import content_sha256

REAL_DATA = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"
ROWS = {"train": 5, "validation": 2, "test": 3}


def slot_files():
    files = {}
    for split, folder in (
        ("train", "train"),
        ("validation", "valid"),
        ("test", "test"),
    ):
        texts = {
            "seq.in": "".join(f"go  to city{row} \n" for row in range(ROWS[split])),
            "seq.out": "O O B-city \n" * ROWS[split],
            "label": "travel\n" * ROWS[split],
        }
        files |= {f"{folder}/{name}": text.encode() for name, text in texts.items()}
    return files


def sst2_files():
    def rows(split):
        lines = (f"{row % 2} film {row} of {split} .\n" for row in range(ROWS[split]))
        return "".join(lines).encode()

    return {
        "stsa.binary.train": rows("train"),
        "stsa.binary.dev": rows("validation"),
        "stsa.binary.test": rows("test"),
        "stsa.binary.phrases.train.gz": gzip.compress(b"1 good\n0 bad film\n1 film\n"),
    }


SST2_TREES = [
    "(2 (3 Good) (2 .))",
    "(1 (2 Bad) (2 film))",
    "(0 (2 bad) (4 Film))",
    "(1 Dull)",
    "(3 dull)",
    "(4 of validation)",
]


def sst2_originals():
    """The sentences as they are, and trees of which all but the last are train's."""
    files = sst2_files()
    del files["stsa.binary.phrases.train.gz"]
    return files | {"train.txt": "".join(f"{tree}\n" for tree in SST2_TREES).encode()}


def mr_files():
    """Ten rows each, of the folds 0 to 9."""
    texts = {"neg": "bad – film {} \n", "pos": "good film {}\n"}
    return {
        f"rt-polarity.{end}": "".join(map(text.format, range(10))).encode("cp1252")
        for end, text in texts.items()
    }


def piano_pieces():
    """Piece n has n + 1 steps: the lowest key, silence, the highest key and C4, ..."""
    steps = [[21], [], [60, 108]]
    return {
        key: [[steps[i % 3] for i in range(row + 1)] for row in range(ROWS[split])]
        for key, split in (
            ("train", "train"),
            ("valid", "validation"),
            ("test", "test"),
        )
    }


def piano_files(name):
    content = json.dumps(piano_pieces(), separators=(",", ":"))
    return {name: gzip.compress(content.encode())}


def jsb_originals():
    """The same splits and pitches, each in another order."""
    pieces = {
        key: [[step[::-1] for step in piece] for piece in pieces]
        for key, pieces in reversed(piano_pieces().items())
    }
    return {"jsb-chorales-quarter.json": json.dumps(pieces, indent=1).encode()}


def nottingham_originals():
    import scipy.io

    content, cells = io.BytesIO(), {}
    for key, pieces in piano_pieces().items():
        cells[f"{key}data"] = np.empty((1, len(pieces)), object)
        for number, piece in enumerate(pieces):
            keys = np.arange(21, 109)
            roll = [np.isin(keys, step) for step in piece]
            cells[f"{key}data"][0, number] = np.array(roll, np.float64)
    scipy.io.savemat(content, cells)
    return {"Nottingham.mat": content.getvalue()}


def uci_har_files():
    arrays, content = {}, io.BytesIO()
    for split in ("train", "test"):
        rows = np.arange(ROWS[split])
        arrays |= {
            f"{split}_x": np.full((len(rows), 64, 3), rows[:, None, None], np.float32),
            f"{split}_y": (rows // 2 + 1).astype(np.uint8),
            f"{split}_subject": (rows // 2 + 20).astype(np.uint8),
            f"{split}_joined": (rows % 2 == 0) & (rows < len(rows) - 1),
        }
    np.savez(content, **arrays)
    return {"uci_har_acc.npz": content.getvalue()}


def uci_har_originals():
    """The repository's archive, in which all windows but the joined ones end in 9."""
    arrays = np.load(io.BytesIO(uci_har_files()["uci_har_acc.npz"]))
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        for split in ("train", "test"):
            x, y, subject, joined = (
                arrays[f"{split}_{key}"] for key in ("x", "y", "subject", "joined")
            )
            ends = np.where(joined[:, None, None], np.roll(x, -1, axis=0), 9)
            windows = np.concatenate([x, ends], axis=1)
            texts = {"y": y, "subject": subject}
            for number, axis in enumerate("xyz"):
                texts[f"Inertial Signals/total_acc_{axis}"] = windows[..., number]
            for name, table in texts.items():
                lines = io.StringIO()
                np.savetxt(lines, table, "%d" if table.ndim == 1 else "%.7e")
                file = f"UCI HAR Dataset/{split}/{name}_{split}.txt"
                archive.writestr(file, lines.getvalue())
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("UCI HAR Dataset.names", "about")
        archive.writestr("UCI HAR Dataset.zip", inner.getvalue())
    return {"human_activity_recognition.zip": outer.getvalue()}


def uci_har_facts(folder):
    """Split -> what `uci_har_files` in a folder have, as in the builder's FACTS."""
    from keras_seqzoo.datasets.uci_har import facts

    arrays = np.load(folder / "uci_har_acc.npz")
    keys = "x", "y", "subject", "joined"
    return {
        split: facts(*(arrays[f"{split}_{key}"] for key in keys))
        for split in ("train", "test")
    }


def fsdd_files():
    """Ten takes of each, so that 5 to 9 are validation's and 10 is train's only one."""
    content, lines = io.BytesIO(), ["file,digit,speaker,take,split,samples,sample_rate"]
    with zipfile.ZipFile(content, "w") as archive:
        for digit in (0, 7):
            for take in range(11):
                file, part = f"{digit}_ann_{take}.wav", "test" if take < 5 else "train"
                lines.append(f"{file},{digit},ann,{take},{part},{400 + take},8000")
                archive.writestr(f"recordings/{file}", wav(400 + take, digit))
    index = "\r\n".join([*lines, ""])
    return {"fsdd_wav.zip": content.getvalue(), "index.csv": index.encode()}


def fsdd_originals():
    """The repository's archive that `fsdd_files` are made from, in another order."""
    content = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(fsdd_files()["fsdd_wav.zip"])) as recordings,
        zipfile.ZipFile(content, "w") as archive,
    ):
        archive.writestr("fsdd-123/README.md", "about")
        for name in reversed(recordings.namelist()):
            archive.writestr(f"fsdd-123/{name}", recordings.read(name))
    return {"free-spoken-digit-dataset.zip": content.getvalue()}


def wav(samples, first, rate=8000):
    content = io.BytesIO()
    with wave.open(content, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(rate)
        recording.writeframes(np.arange(first, first + samples, dtype="<i2").tobytes())
    return content.getvalue()


def an4_files():
    """Utterance n has n + 2 frames of 13, all n."""
    content, lines, frames = io.BytesIO(), ["utterance,speaker,split,frames,text"], []
    for split in ("train", "test"):
        for row in range(ROWS[split]):
            speaker = f"{split}{row}"
            lines.append(f"an{row}-{speaker}-b,{speaker},{split},{row + 2},GO A B")
            frames.append(np.full((row + 2, 13), row, np.float16))
    offsets = np.cumsum([0, *map(len, frames)]).astype(np.int32)
    np.savez(content, features=np.concatenate(frames), offsets=offsets)
    index = "\r\n".join([*lines, ""])
    return {"an4_mfcc.npz": content.getvalue(), "index.csv": index.encode()}


def an4_originals():
    """The repository's archive: train is in its own list, test in that of all."""
    content, lines = io.BytesIO(), {"train": [], "test": []}
    with zipfile.ZipFile(content, "w") as archive:
        for split, folder in (("test", "an4test_clstk"), ("train", "an4_clstk")):
            for row in range(ROWS[split]):
                name, count = f"an{row}-{split}{row}-b", (row + 2) * 13
                lines[split].append(f"<s> GO A B </s> ({name})")
                frames = np.full(count, row, ">f4").tobytes()
                file = f"asr-123/an4/feat/{folder}/{split}{row}/{name}.mfc"
                archive.writestr(file, np.array(count, ">i4").tobytes() + frames)
        plain = [
            line.replace("<s> ", "").replace(" </s>", "")
            for line in lines["train"] + lines["test"]
        ]
        for part, texts in (("train", lines["train"]), ("combined", plain)):
            file = f"asr-123/an4/etc/an4_{part}.transcription"
            archive.writestr(file, "\n".join(texts))
    return {"Machine-Learning-Project-ASR.zip": content.getvalue()}


def multi30k_files():
    files = {}
    for split, stem in (
        ("train", "train"),
        ("validation", "val"),
        ("test", "test_2016_flickr"),
    ):
        for code in ("en", "de", "fr"):
            lines = (f"{code} {row}\xa0\u2028 \tend \n" for row in range(ROWS[split]))
            files[f"raw/{stem}.{code}.gz"] = gzip.compress("".join(lines).encode())
    return files


# By the SHA-256 of `sentence0` to `sentence10`, whose first, 8, is held out.
TATOEBA_ROWS = {"train": [1, 3, 5, 6, 7], "validation": [0, 4], "test": [2, 9, 10]}


def tatoeba_line(row):
    return f"Sentence {row}.\t第{row}\u3000句。\tCC-BY #{row}\n"


def tatoeba_files():
    splits = {"train": "train", "dev": "validation", "test": "test"}
    texts = {
        name: "".join(map(tatoeba_line, TATOEBA_ROWS[split]))
        for name, split in splits.items()
    }
    return {f"{n}.tsv.gz": gzip.compress(text.encode()) for n, text in texts.items()}


def tatoeba_originals():
    """All rows, one of them twice."""
    text = "".join(map(tatoeba_line, [*range(11), 3]))
    return {"cmn.txt": text.encode()}


def flickr8k_files():
    import tensorflow as tf

    content, captions, files = io.BytesIO(), [], {}
    with zipfile.ZipFile(content, "w") as archive:
        for part, split in (
            ("train", "train"),
            ("dev", "validation"),
            ("test", "test"),
        ):
            names = [f"{part}{row}.jpg" for row in range(ROWS[split])]
            for row, name in enumerate(names):
                picture = np.full((160, 160, 3), 20 * row, np.uint8)
                jpeg = tf.io.encode_jpeg(picture).numpy()
                archive.writestr(f"images/{name}", jpeg)
                captions += [f"{name}#{k}\tA picture , {k} .\n" for k in range(5)]
            # From the last to the first: the list's order counts, not the archive's.
            listed = "".join(f"{name}\n" for name in reversed(names))
            files[f"Flickr_8k.{part}Images.txt"] = listed.encode()
    files["images_160.zip"] = content.getvalue()
    captions = "".join(sorted(captions))
    files["Flickr8k.token.txt.gz"] = gzip.compress(captions.encode())
    return files


def flickr8k_originals():
    """What `flickr8k_files` are made from, with pictures and texts of no split."""
    files, texts, pictures = flickr8k_files(), io.BytesIO(), io.BytesIO()
    captions = gzip.decompress(files.pop("Flickr8k.token.txt.gz")).decode()
    captions += "".join(f"other.jpg.1#{k}\tA picture .\n" for k in range(5))
    small = zipfile.ZipFile(io.BytesIO(files.pop("images_160.zip")))
    with zipfile.ZipFile(texts, "w") as archive:
        archive.writestr("Flickr8k.token.txt", captions.replace(" .\n", " . \n"))
        archive.writestr("__MACOSX/Flickr8k.token.txt", "about")
        for name, content in files.items():
            more = b"held.jpg" if "test" in name else b""
            archive.writestr(name, content + more)
    with zipfile.ZipFile(pictures, "w") as archive:
        for name in small.namelist():
            grey = Image.open(io.BytesIO(small.read(name))).getpixel((0, 0))
            # (One colour of any shape; a picture in shades of grey is made RGB.)
            large = (
                Image.new("RGB", (500, 375), grey)
                if grey[0]
                else Image.new("L", (50, 90))
            )
            content = io.BytesIO()
            large.save(content, "JPEG", quality=95)
            archive.writestr(
                f"Flicker8k_Dataset/{name.split('/')[1]}", content.getvalue()
            )
        archive.writestr("Flicker8k_Dataset/held.jpg", b"")
    return {
        "Flickr8k_text.zip": texts.getvalue(),
        "Flickr8k_Dataset.zip": pictures.getvalue(),
    }


def flickr8k_facts(folder):
    greys = [20 * row for rows in ROWS.values() for row in range(rows)]
    colour = (sum(greys) / len(greys),) * 3
    return {"TEST_LIST": folder / "Flickr_8k.testImages.txt", "MEAN_COLOUR": colour}


def vowel_files():
    """Row n has n + 1 steps of 12 channels, and is of speaker n + 1."""

    def file(split):
        lines = ["# about", "@data"]
        for row in range(ROWS[split]):
            channels = [
                ",".join(str(k + step / 8) for step in range(row + 1))
                for k in range(12)
            ]
            lines.append(":".join([*channels, str(row + 1)]))
        return ("\n".join(lines) + "\n").encode()

    return {f"JapaneseVowels_{s.upper()}.ts": file(s) for s in ("train", "test")}


def abc_files():
    def file(split):
        tunes = (f"X: {row}\nT:{split}\nK:G\nGABc|\n" for row in range(ROWS[split]))
        return gzip.compress("\n".join(tunes).encode())

    splits = {"train": "train", "valid": "validation", "test": "test"}
    return {f"{name}.abc.gz": file(split) for name, split in splits.items()}


ABC_SPLITS = {
    split: [(book, row) for row in range(ROWS[split])]
    for split, book in (("train", "xmas"), ("validation", "hpps"), ("test", "slip"))
}


def abc_originals():
    """The books, with two blank lines between tunes, some blanks, and other tunes."""
    books = dict.fromkeys(catalogue.builder_class("folk_abc").ORIGINALS, b"\n")
    for split, tunes in ABC_SPLITS.items():
        texts = (f"X: {row}\nT:{split} \nK:G\nGABc|\n\n\n" for _, row in tunes)
        books[f"{tunes[0][0]}.abc"] = "".join(["\n", *texts, "X: 99\n"]).encode()
    return books


def ptb_files():
    def file(split):
        lines = (f" the {split} fell N <unk> {row} \n" for row in range(ROWS[split]))
        return gzip.compress("".join(lines).encode())

    splits = {"train": "train", "valid": "validation", "test": "test"}
    return {f"ptb.{name}.txt.gz": file(split) for name, split in splits.items()}


def ptb_originals():
    """What `ptb_files` are made from."""
    return {
        name.removesuffix(".gz"): gzip.decompress(content)
        for name, content in ptb_files().items()
    }


# Name -> the public files that give the same examples as those of FAKES.
ORIGINALS = {
    "sst2": sst2_originals,
    "jsb_chorales": jsb_originals,
    "nottingham": nottingham_originals,
    "uci_har": uci_har_originals,
    "folk_abc": abc_originals,
    "fsdd": fsdd_originals,
    "connected_digits": fsdd_originals,
    "an4_mfcc": an4_originals,
    "tatoeba_en_zh": tatoeba_originals,
    "flickr8k": flickr8k_originals,
    "ptb": ptb_originals,
}
# Name -> the builder's attributes that hold for the fakes, with their local folder.
TRUE_OF_FAKES = {
    "sst2": lambda _: {"TRAIN_TREES": len(SST2_TREES) - 1},
    "uci_har": lambda folder: {"FACTS": uci_har_facts(folder)},
    "folk_abc": lambda _: {"tunes_of_splits": lambda: ABC_SPLITS},
    "tatoeba_en_zh": lambda _: {
        "HELD_OUT": 1,
        "ORIGINAL_SHA256": hashlib.sha256(tatoeba_originals()["cmn.txt"]).hexdigest(),
    },
    "flickr8k": flickr8k_facts,
}
FAKES = {  # Name -> its files and the rows of its splits.
    "atis": (slot_files, ROWS),
    "snips": (slot_files, ROWS),
    "sst2": (sst2_files, ROWS | {"phrases": 3}),
    "mr": (mr_files, {"train": 16, "validation": 2, "test": 2}),
    "jsb_chorales": (lambda: piano_files("jsb_chorales.json.gz"), ROWS),
    "nottingham": (lambda: piano_files("nottingham.json.gz"), ROWS),
    "uci_har": (uci_har_files, {"train": 5, "test": 3}),
    "japanese_vowels": (vowel_files, {"train": 5, "test": 3}),
    "folk_abc": (abc_files, ROWS),
    "fsdd": (fsdd_files, {"train": 2, "validation": 10, "test": 10}),
    "connected_digits": (fsdd_files, {"train": 3, "validation": 2, "test": 4}),
    "an4_mfcc": (an4_files, {"train": 5, "test": 3}),
    "multi30k": (multi30k_files, ROWS),
    "tatoeba_en_zh": (tatoeba_files, ROWS),
    "flickr8k": (flickr8k_files, ROWS),
    "ptb": (ptb_files, ROWS),
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty cache folder."""
    folder = tmp_path / "home"
    monkeypatch.setenv("KERAS_SEQZOO_HOME", str(folder))
    return folder


@pytest.fixture
def fake_set(home, tmp_path, monkeypatch):
    """Writes a small set that its builder takes for the real one; gives its folder."""

    def write(name, **changed_files):
        make_files, rows = FAKES[name]
        folder = tmp_path / "data" / name
        files = make_files() | changed_files
        for file, content in files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(content)
        expect(name, folder, files)
        builder = catalogue.builder_class(name)
        monkeypatch.setattr(builder, "ROWS", rows)
        # No test fetches the real public files.
        nowhere = dict.fromkeys(builder.ORIGINALS, "http://127.0.0.1:9/")
        monkeypatch.setattr(builder, "ORIGINALS", nowhere)
        return folder

    def expect(name, folder, files):
        builder, sums = catalogue.builder_class(name), {}
        for file in files:
            sums[file] = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        monkeypatch.setattr(builder, "SHA256", builder.SHA256 | sums)

    write.expect = expect
    return write


@pytest.fixture
def fake_originals(fake_set, tmp_path, monkeypatch):
    """Writes the public files of a set that are made into its own; gives both folders.

    What is made must have the content of the files of `fake_set`.
    """

    def write(name):
        builder, local, folder = (
            catalogue.builder_class(name),
            fake_set(name),
            tmp_path / "public",
        )
        folder.mkdir()
        for file, content in ORIGINALS[name]().items():
            (folder / file).write_bytes(content)
        urls = {file: (folder / file).as_uri() for file in builder.ORIGINALS}
        sums = {file: content_sha256(local / file) for file in builder.CONTENT}
        monkeypatch.setattr(builder, "ORIGINALS", urls)
        monkeypatch.setattr(builder, "CONTENT", sums)
        true = TRUE_OF_FAKES.get(name, lambda _: {})
        for attribute, value in true(local).items():
            monkeypatch.setattr(builder, attribute, value)
        return local, folder

    return write


@pytest.fixture(scope="session")
def real_folder():
    """Gives the folder of a real set's files."""

    def folder(name):
        if name == "connected_digits":
            name = "fsdd"
        if not (REAL_DATA / name).is_dir():
            pytest.skip(f"needs the set {name} in ../shared/data, beside the project")
        return REAL_DATA / name

    return folder


@pytest.fixture(scope="session")
def real_set(tmp_path_factory, real_folder):
    """Gives the builder of a real set, prepared once in a test process."""
    home = tmp_path_factory.mktemp("home")

    def prepared(name):
        real_folder(name)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KERAS_SEQZOO_HOME", str(home))
            return catalogue.builder(name, str(REAL_DATA))

    return prepared
