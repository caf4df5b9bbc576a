"""The base of the tfds builders: files checked by sha256, splits checked by count."""

import abc
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow_datasets as tfds
from tqdm import tqdm

from keras_seqzoo.datasets.files import check_content, fetch, fetch_checked
from keras_seqzoo.datasets.source_files import SourceFiles
from keras_seqzoo.errors import UserError


class _DatasetInfo(tfds.core.DatasetInfo):
    """tfds' own, which does not ask the network for sets that only tfds knows.

    (Of one that is not prepared it would, and leave an empty temporary folder.)
    """

    def initialize_from_bucket(self) -> None:
        """Does nothing."""


class SequenceBuilder(
    SourceFiles, tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """Base of the builders; a subclass gives these attributes and two methods.

    The local copy, where there is one, is `DownloadConfig.manual_dir`; without it the
    files come from `URL` or are made from `ORIGINALS`. A file must have the sha256
    written here, and one that is made the content.
    Examples keep the order of the files, so what is read is the same every time.
    """

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "The set's files, as `seqzoo data info` lists them."

    TASK: str  # "slot filling", "sentiment", ...: how an example is shown.
    EXAMPLE: str  # What one example has, in a line.
    METRIC: str  # What is measured and how, in a line.
    TRAPS: tuple[str, ...]  # What to know before training or comparing, a line each.
    ROWS: dict[str, int]  # Split -> number of examples.
    DISK_SPACE = 50_000_000  # Bytes that preparing needs,
    PUBLIC_SPACE = 0  # and bytes more if the files are fetched or made.

    @abc.abstractmethod
    def features(self) -> tfds.features.FeaturesDict:
        """The features of an example."""

    @abc.abstractmethod
    def examples(
        self, split: str, files: Mapping[str, pathlib.Path]
    ) -> Iterator[dict[str, Any]]:
        """The examples of a split in their order.

        Args:
            split: One of ROWS.
            files: File, as in SHA256 -> where it is; each was checked.
        """

    @classmethod
    def convert(
        cls, originals: Mapping[str, pathlib.Path], folder: pathlib.Path
    ) -> None:
        """Makes the files of SHA256 from the public ones; for sets with ORIGINALS.

        Args:
            originals: Name, as in ORIGINALS -> where it is.
            folder: Where the files are written to.

        Raises:
            UserError: An original is damaged or not laid out as expected.
        """

    @classmethod
    def needs_local_copy(cls, given_by: str = "--data-dir") -> UserError:
        """The error of a set that has no public files and was given no local ones.

        Args:
            given_by: How the folder of a local copy is given.
        """
        files = [
            f"{name} (sha256 {digest[:12]}...)"
            for name, digest in cls.SHA256.items()
            if name not in cls.OPTIONAL.values()
        ]
        return UserError(
            f"{cls.TITLE} cannot be downloaded: give a folder with {', '.join(files)} "
            f"by {given_by}. Public source: {cls.SOURCE}"
        )

    def download_and_prepare(
        self,
        *,
        download_config: tfds.download.DownloadConfig | None = None,
        **arguments: Any,
    ) -> None:
        """Prepares the set, as tfds does; a `manual_dir` that is given must have it."""
        self._given = download_config and download_config.manual_dir
        self._fetched = None
        try:
            super().download_and_prepare(download_config=download_config, **arguments)
        finally:
            if self._fetched is not None:
                shutil.rmtree(self._fetched, ignore_errors=True)

    def _info(self) -> tfds.core.DatasetInfo:
        return _DatasetInfo(
            builder=self,
            description=f"{self.TITLE} ({self.TASK})",
            features=self.features(),
            homepage=self.HOMEPAGE,
            citation=self.CITATION,
            license=self.LICENCE,
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        try:
            folder = self.local_folder(self._given or dl_manager.manual_dir)
        except (AssertionError, UserError) as error:
            if self._given:
                raise UserError(
                    f"manual_dir must be a folder that has {next(iter(self.SHA256))} "
                    f"of {self.TITLE}. Received: {self._given}"
                ) from error
            files = self._fetched_files(pathlib.Path(dl_manager.download_dir))
        else:
            files = self.local_files(folder)
        return {
            split: self._generate_examples(split, files)
            for split in self.ROWS
            if self.OPTIONAL.get(split) in (None, *files)
        }

    def _fetched_files(self, folder: pathlib.Path) -> dict[str, pathlib.Path]:
        """The public files, as they are or made from others."""
        if not self.is_public():
            raise self.needs_local_copy("manual_dir of tfds' DownloadConfig")
        folder = self._fetched = folder / f"{self.name}.fetched"
        shutil.rmtree(folder, ignore_errors=True)  # What was left by a killed process.
        files = {name: folder / name for name in self.SHA256}
        if self.ORIGINALS:
            self._make_files(folder)
        else:
            for name, path in files.items():
                fetch_checked(f"{self.URL}/{name}", path, self.SHA256[name])
        return files

    def _make_files(self, folder: pathlib.Path) -> None:
        originals = {}
        for name, url in self.ORIGINALS.items():
            originals[name] = folder / "originals" / name
            fetch(url, originals[name])
        try:
            self.convert(originals, folder)
            for name, sha256 in self.CONTENT.items():
                check_content(folder / name, sha256, self.SOURCE)
        except UserError as error:
            message = str(error)
            for name, url in self.ORIGINALS.items():
                message = message.replace(str(originals[name]), url)
            if "--data-dir" not in message:
                message += "; try again, or give a local copy with --data-dir"
            raise UserError(message) from error
        shutil.rmtree(folder / "originals")

    def _generate_examples(self, split, files):
        rows, count = self.ROWS[split], 0
        examples = tqdm(
            self.examples(split, files),
            f"{self.TITLE}, {split}",
            rows,
            leave=False,
            disable=None,  # Shown on a terminal only.
        )
        for count, example in enumerate(examples, 1):
            yield count - 1, example
        if count != rows:
            raise UserError(
                f"{self.TITLE}, {split}: expected {rows} examples. Received: {count}"
            )
