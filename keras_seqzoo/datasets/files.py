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

from tqdm import tqdm

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


def fetch_checked(url: str, path: pathlib.Path, sha256: str) -> None:
    """As `fetch`; a file with another sha256 is not kept.

    Raises:
        UserError: As `fetch`, or it is another file.
        OSError: The file cannot be written.
    """
    fetch(url, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != sha256:
        path.unlink()
        raise UserError(
            f"{url}: not the expected file (sha256 {digest[:12]}..., expected "
            f"{sha256[:12]}...): try again, or give a local copy with --data-dir"
        )


def check_content(path: pathlib.Path, sha256: str, source: str) -> None:
    """Raises UserError unless the file, made from `source`, has this content."""
    digest = content_sha256(path)
    if digest != sha256:
        difference = f"sha256 {digest[:12]}..., expected {sha256[:12]}..."
        raise has_changed(path.name, source, f"not the expected content ({difference})")


def has_changed(file: str, source: str, difference: str) -> UserError:
    """The error of a file whose public originals are no longer what they were."""
    return UserError(
        f"{file}, made from {source}: {difference}: the public files have changed; "
        "give a local copy with --data-dir"
    )


def content_sha256(path: pathlib.Path) -> str:
    """The sha256 of what is in a file, which is the same however it is packed.

    Of a .gz file that of the unpacked bytes; of a .zip or .npz file that of its members
    in the order of their names, each name before its bytes; else the file's own.

    Raises:
        UserError: The file is damaged.
    """
    digest = hashlib.sha256()
    with reading(path):
        if path.suffix == ".gz":
            digest.update(gzip.decompress(path.read_bytes()))
        elif path.suffix in (".zip", ".npz"):
            with zipfile.ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    digest.update(name.encode() + archive.read(name))
        else:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def write_gzip(path: pathlib.Path, content: bytes) -> None:
    """Writes a .gz file that has no time in it."""
    path.write_bytes(gzip.compress(content, mtime=0))


def fetch(url: str, path: pathlib.Path) -> None:
    """Writes what is at the URL to a file, whose folder is made; shows the progress.

    The file is there only once it is whole.

    Raises:
        UserError: The URL cannot be reached, or the connection broke off.
        OSError: The file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    # Not through tfds: without a network it tries each file ten times.
    with part.open("wb") as file:
        for chunk in _chunks(url, path.name):
            file.write(chunk)
    part.replace(path)


def _chunks(url, name):
    """The parts of what is at the URL, in their order."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            length = answer.headers.get("Content-Length") or ""
            total, count = int(length) if length.isdecimal() else None, 0
            with tqdm(
                desc=name,
                total=total,
                unit="B",
                unit_scale=True,
                leave=False,
                disable=None,  # Shown on a terminal only.
            ) as progress:
                while chunk := answer.read(1 << 20):
                    yield chunk
                    progress.update(len(chunk))
                    count += len(chunk)
            # (Read in parts, an answer that is cut short raises nothing.)
            if total is not None and count < total:
                raise http.client.IncompleteRead(b"", total - count)
    except (OSError, http.client.HTTPException) as error:
        raise UserError(
            f"{url} could not be downloaded ({first_line(error)}): try again, or give "
            "a local copy with --data-dir, or manual_dir of tfds' DownloadConfig"
        ) from error


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
