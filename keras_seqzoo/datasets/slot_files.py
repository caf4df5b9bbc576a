"""Slot-filling sets kept as parallel text files, as a tfds builder.

Each split is a folder of three files, line n of each one sentence: `seq.in` (words),
`seq.out` (one BIO tag a word) and `label` (the intent).
"""

import contextlib
import hashlib
import os
import pathlib
import shutil
import sys
import urllib.request
from collections.abc import Iterator

import platformdirs
import tensorflow_datasets as tfds

from keras_seqzoo import arguments
from keras_seqzoo.datasets.tagged_sentence import TaggedSentence, check_split
from keras_seqzoo.errors import UserError

SPLIT_FOLDERS = {"train": "train", "validation": "valid", "test": "test"}
FILE_NAMES = ("seq.in", "seq.out", "label")


class SlotFilesBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Base of the builders; a subclass gives the class attributes below.

    The local copy, where there is one, is `DownloadConfig.manual_dir`; without it the
    files come from `URL`. Either way each file must have the sha256 written here.
    """

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Optional: the folder with train/, valid/, test/."

    TITLE: str  # What the set is called in messages and cards.
    URL: str  # Folder of the public source.
    SOURCE: str  # The source in words, for cards.
    LICENCE: str
    CITATION: str
    ROWS: dict[str, int]  # Split -> number of sentences.
    SHA256: dict[str, str]  # "train/seq.in" -> hex digest.

    def _info(self) -> tfds.core.DatasetInfo:
        texts = tfds.features.Sequence(tfds.features.Text())
        return self.dataset_info_from_configs(
            description=self.TITLE,
            features=tfds.features.FeaturesDict(
                {"words": texts, "slots": texts, "intent": tfds.features.Text()}
            ),
            homepage=self.URL,
            citation=self.CITATION,
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        try:
            folder = dl_manager.manual_dir
        except AssertionError:  # No local copy was given.
            paths = self._download(pathlib.Path(dl_manager.download_dir))
        else:
            paths = {name: folder / name for name in self.SHA256}
        for name, path in paths.items():
            check_file(pathlib.Path(path), self.SHA256[name])
        return {
            split: self._generate_examples(
                split, [paths[f"{folder}/{file}"] for file in FILE_NAMES]
            )
            for split, folder in SPLIT_FOLDERS.items()
        }

    def _download(self, folder: pathlib.Path) -> dict[str, pathlib.Path]:
        # Not through tfds: without a network it tries each file ten times.
        paths = {}
        for name in self.SHA256:
            paths[name] = folder / self.name / name
            paths[name].parent.mkdir(parents=True, exist_ok=True)
            try:
                with urllib.request.urlopen(f"{self.URL}/{name}", timeout=20) as answer:
                    paths[name].write_bytes(answer.read())
            except OSError as error:
                raise UserError(
                    f"{self.TITLE} could not be downloaded from {self.URL} ({error}): "
                    "give a local copy with --data-dir"
                ) from error
        return paths

    def _generate_examples(self, split, paths):
        rows = list(
            zip(*(pathlib.Path(path).read_text("utf-8").splitlines() for path in paths))
        )
        if len(rows) != self.ROWS[split]:
            raise UserError(
                f"{paths[0]}: expected {self.ROWS[split]} sentences. "
                f"Received: {len(rows)}"
            )
        for number, (words, slots, intent) in enumerate(rows):
            # On runs of white space: SNIPS has double and trailing spaces.
            words, slots = words.split(), slots.split()
            if len(words) != len(slots):
                raise UserError(
                    f"{paths[1]}, line {number + 1}: expected {len(words)} tags, one "
                    f"for each word. Received: {len(slots)}"
                )
            yield (
                number,
                {"words": words, "slots": slots, "intent": intent.strip()},
            )


def check_file(path: pathlib.Path, sha256: str) -> None:
    """Raises UserError unless the file is there and has this sha256."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    if digest != sha256:
        raise UserError(
            f"{path}: not the expected file (sha256 {digest[:12]}..., expected "
            f"{sha256[:12]}...): the folder may be another data set's; if it is not, "
            "fetch the file again from the public source"
        )


def local_folder(builder: type[SlotFilesBuilder], data_dir: str) -> pathlib.Path:
    """The set's folder in `data_dir`, which may also be that folder itself."""
    root = arguments.folder("data_dir", data_dir)
    for folder in (root / builder.name, root):
        if (folder / "train" / "seq.in").is_file():
            return folder
    raise UserError(
        f"--data-dir {data_dir}: no {builder.TITLE} in it: expected "
        f"{builder.name}/train/seq.in or train/seq.in, as in {builder.URL}"
    )


def cache_folder() -> pathlib.Path:
    """Where prepared sets are kept: KERAS_SEQZOO_HOME or the user's cache folder."""
    home = os.environ.get("KERAS_SEQZOO_HOME")
    home = home or platformdirs.user_cache_dir("keras_seqzoo")
    return pathlib.Path(home).expanduser() / "datasets"


def prepare(
    builder_class: type[SlotFilesBuilder], data_dir: str | None = None
) -> SlotFilesBuilder:
    """A builder whose files are ready to be read.

    Args:
        builder_class: The set's builder.
        data_dir: Folder of a local copy (checked, never written to); None for the copy
            prepared earlier, or else the public source.

    Raises:
        UserError: A file of the local copy is missing or is another file, the public
            source cannot be reached, or the cache folder cannot be written.
    """
    folder = None
    if data_dir is not None:
        folder = local_folder(builder_class, data_dir)
        for name, sha256 in builder_class.SHA256.items():
            check_file(folder / name, sha256)
    cache = cache_folder()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        builder = builder_class(data_dir=os.fspath(cache))
        if not _is_prepared(builder):
            _check_space(cache)
            tfds.disable_progress_bar()
            # Standard output belongs to the caller's own report.
            with contextlib.redirect_stdout(sys.stderr):
                builder.download_and_prepare(
                    download_config=tfds.download.DownloadConfig(
                        manual_dir=folder, try_download_gcs=False
                    )
                )
    except OSError as error:
        raise UserError(
            f"{cache}: cannot prepare {builder_class.TITLE} here "
            f"({error.strerror or error}): set KERAS_SEQZOO_HOME to another folder"
        ) from error
    return builder


def read_split(
    builder_class: type[SlotFilesBuilder], split: str, data_dir: str | None = None
) -> list[TaggedSentence]:
    """All sentences of a split ("train", "validation" or "test") in the file's order.

    Raises:
        UserError: Unknown split, or as for `prepare`.
    """
    check_split(split)
    builder = prepare(builder_class, data_dir)
    return list(_sentences(builder, split))


def _sentences(builder: SlotFilesBuilder, split: str) -> Iterator[TaggedSentence]:
    for example in tfds.as_numpy(builder.as_dataset(split=split)):
        yield TaggedSentence(
            words=tuple(word.decode() for word in example["words"]),
            slots=tuple(slot.decode() for slot in example["slots"]),
            intent=example["intent"].decode(),
        )


def _is_prepared(builder: SlotFilesBuilder) -> bool:
    splits = builder.info.splits
    return all(
        split in splits and splits[split].num_examples == rows
        for split, rows in builder.ROWS.items()
    )


def _check_space(folder: pathlib.Path, needed: int = 50_000_000) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(
            f"{folder}: {needed // 1_000_000} MB of free disk space are needed. "
            f"Received: {free // 1_000_000} MB; set KERAS_SEQZOO_HOME to another folder"
        )
