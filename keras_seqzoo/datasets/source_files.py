"""A public source's files: where they come from, checked by sha256."""

import os
import pathlib

from keras_seqzoo import arguments
from keras_seqzoo.datasets.files import check_file
from keras_seqzoo.errors import UserError


class SourceFiles:
    """Base of what is read from files of a public source; never instantiated alone."""

    name: str  # Of the folder in `--data-dir`.
    TITLE: str  # What it is called in messages and cards.
    SOURCE: str  # The source in words, for cards.
    HOMEPAGE: str
    LICENCE: str
    CITATION: str
    SHA256: dict[str, str]  # File, relative to the folder -> hex digest.
    OPTIONAL: dict[str, str] = {}  # Split a local copy may lack -> its file.
    URL: str | None = None  # Folder of the same files in public.
    # Where there is none: the public files that these are made from, name -> URL, and
    # file -> `content_sha256` of those whose content is then the same to the bit.
    ORIGINALS: dict[str, str] = {}
    CONTENT: dict[str, str] = {}

    @classmethod
    def is_public(cls) -> bool:
        """Whether the files can be had without a local copy."""
        return bool(cls.URL or cls.ORIGINALS)

    @classmethod
    def local_folder(cls, data_dir: str | os.PathLike) -> pathlib.Path:
        """The folder of these files in `data_dir`, which may also be that folder.

        Raises:
            UserError: `data_dir` is no folder, or none of the files is in it.
        """
        root = arguments.folder("data_dir", data_dir)
        for folder in (root / cls.name, root):
            if any((folder / name).is_file() for name in cls.SHA256):
                return folder
        first = next(iter(cls.SHA256))
        raise UserError(
            f"--data-dir {data_dir}: no {cls.TITLE} in it: expected "
            f"{cls.name}/{first} or {first}, as in {cls.URL or cls.SOURCE}"
        )

    @classmethod
    def local_files(cls, folder: pathlib.Path) -> dict[str, pathlib.Path]:
        """The files in their folder, each with the right sha256.

        A file that only an optional split needs may be missing.

        Raises:
            UserError: A file is missing or is another file.
        """
        files = {name: folder / name for name in cls.SHA256}
        for name in cls.OPTIONAL.values():
            if not files[name].exists():
                del files[name]
        for name, path in files.items():
            check_file(path, cls.SHA256[name])
        return files
