"""Files of a data set: checked by sha256, fetched, read; a damaged one is named."""

import contextlib
import gzip
import hashlib
import http.client
import pathlib
import urllib.request
import wave
import zipfile
import zlib
from collections.abc import Iterator, Sequence

from keras_seqzoo.errors import UserError, first_line

# What Python's own readers raise for a file that is cut short or of another kind.
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    wave.Error,
    zipfile.BadZipFile,
    zlib.error,
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


def fetch(url: str, path: pathlib.Path) -> None:
    """Writes what is at the URL to a file, whose folder is made.

    Raises:
        UserError: The URL cannot be reached, or the connection broke off.
    """
    # Not through tfds: without a network it tries each file ten times.
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            content = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise UserError(
            f"{url} could not be downloaded ({first_line(error)}): give a local copy "
            "with --data-dir, or manual_dir of tfds' DownloadConfig"
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@contextlib.contextmanager
def reading(path: pathlib.Path) -> Iterator[None]:
    """Names the file in a UserError if what is read in the block is damaged."""
    try:
        yield
    except UserError:
        raise
    except _DAMAGE as error:
        raise UserError(
            f"{path}: damaged, or not laid out as expected: "
            f"{type(error).__name__}: {first_line(error)}"
        ) from error


def read_lines(path: pathlib.Path, encoding: str = "utf-8") -> list[str]:
    """The lines of a text, parted by line feeds only; a .gz file is unpacked.

    Raises:
        UserError: The file is damaged.
    """
    with reading(path):
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        return content.decode(encoding).removesuffix("\n").split("\n")


def read_parallel_lines(
    paths: Sequence[pathlib.Path], encoding: str = "utf-8"
) -> Iterator[tuple[str, ...]]:
    """Line n of every file, for each n.

    Raises:
        UserError: A file is damaged, or has more or fewer lines than the first.
    """
    columns = [read_lines(path, encoding) for path in paths]
    for path, lines in zip(paths, columns):
        if len(lines) != len(columns[0]):
            raise UserError(
                f"{path}: expected {len(columns[0])} lines, as in {paths[0]}. "
                f"Received: {len(lines)}"
            )
    return zip(*columns)
