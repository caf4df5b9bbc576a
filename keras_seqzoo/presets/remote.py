"""Presets from a URL base, kept in a cache folder once every checksum is right."""

import functools
import hashlib
import http.client
import json
import os
import re
import shutil
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock
import platformdirs
from tqdm import tqdm

from keras_seqzoo.errors import PresetError, UserError
from keras_seqzoo.presets.files import CHECKSUMS, FILE_NAME, SIZE_LIMIT, checked_files

URL_VARIABLE = "KERAS_SEQZOO_PRESETS_URL"
HOME_VARIABLE = "KERAS_SEQZOO_HOME"
_TIMEOUT = 30  # seconds without an answer
_CHUNK = 2**16  # bytes
_IN_URLS = "%/:?@!$&'()*+,;=~"  # kept as they are; a space, say, becomes %20
# What an answer says of the file; a bucket answers 403 also for what it has not.
_ABSENT = {
    403: "it may not be read, or is not there",
    404: "there is no such file",
    410: "there is no such file",
}


class AbsentError(PresetError):
    """The preset is not where it was looked for; the message gives the answer."""


def home() -> Path:
    """Where fetched files are kept: `KERAS_SEQZOO_HOME`, or the user's cache."""
    folder = os.environ.get(HOME_VARIABLE)
    return Path(folder or platformdirs.user_cache_dir("keras_seqzoo"))


def base() -> str:
    """The URL base of presets that are not shipped, or "" if none is set."""
    return os.environ.get(URL_VARIABLE, "").rstrip("/")


def fetch(name: str) -> Path | None:
    """The local copy of a preset from the URL base, fetched if it is not there yet.

    The base is the environment variable `KERAS_SEQZOO_PRESETS_URL` (http, https or
    file); a preset's files are at `<base>/<name>/<file>`. A download that broke off
    goes on where it stopped; the folder appears whole or not at all. A copy that is
    whole is used as it is, without a look at the server.

    Returns:
        The folder, or None if no base is set.

    Raises:
        UserError: if the base is not a URL.
        AbsentError: if it has no preset of this name.
        PresetError: if a file cannot be fetched or is damaged.
    """
    if not (address := base()):
        return None
    if not is_url(address):
        raise UserError(
            f"{URL_VARIABLE} must be an http, https or file URL. Received: {address}"
        )
    if not FILE_NAME.fullmatch(name):
        raise AbsentError(f"{address}: {name!r} is not a file name.")
    return _fetched(address, name)


def is_url(text: str) -> bool:
    """Whether a text is an address that presets can be fetched from."""
    return text.lower().startswith(("http://", "https://", "file://"))


def fetch_url(url: str) -> Path:
    """The local copy of the preset at `url`, fetched as by `fetch`.

    Args:
        url: Of a preset's folder on a web server or in a bucket, or of a zip file. A
            query, such as a signature, goes with every request.

    Raises:
        UserError: if it is no URL or ends in no file name.
        AbsentError: if there is no preset.
        PresetError: as `fetch`.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        path, query = (
            urllib.parse.quote(text, safe=_IN_URLS)
            for text in (parts.path, parts.query)
        )
    except ValueError as error:
        raise UserError(f"{url!r} is not a URL: {error}.") from error
    place = f"{parts.netloc}{path}".rstrip("/")
    address, _, name = f"{parts.scheme}://{place}".rpartition("/")
    if parts.fragment or not re.match(r"\w", urllib.parse.unquote(name)):
        raise UserError(
            "a preset's URL must end in its folder's name, or in that of a zip file. "
            f"Received: {url}"
        )
    return _fetched(address, name, query and f"?{query}")


def _fetched(address: str, name: str, query: str = "") -> Path:
    url, key = f"{address}/{name}", os.fsencode(address + query)
    place = home() / "presets" / hashlib.sha256(key).hexdigest()[:12]
    name = urllib.parse.quote(urllib.parse.unquote(name), safe="")  # a file's anywhere
    folder, partial = place / name, place / f".{name}.partial"
    try:
        if _is_whole(folder):
            return folder
        place.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(place / f".{name}.lock"):
            if _is_whole(folder):  # another process was faster
                return folder
            if folder.is_file():  # a damaged zip
                folder.unlink()
            elif folder.exists():  # damaged: what is right in it is kept
                shutil.rmtree(partial, ignore_errors=True)
                folder.rename(partial)
            if name.endswith(".zip"):
                _fetch_file(url, query, partial, checked_files)
            else:
                _fetch_folder(url, query, partial)
            partial.rename(folder)
    except OSError as error:
        raise PresetError(
            f"{folder}: cannot be written: {error.strerror or error}."
        ) from error
    return folder


def _is_whole(path: Path) -> bool:
    try:
        checked_files(path)
    except PresetError:
        return False
    return True


def _fetch_folder(url: str, query: str, folder: Path) -> None:
    """Fetch a preset's files into `folder`."""
    folder.mkdir(exist_ok=True)
    listing = folder / CHECKSUMS
    # The list is fetched anew: files kept from before it changed fail its checksums.
    listing.unlink(missing_ok=True)
    try:
        _download(f"{url}/{CHECKSUMS}", query, listing)
    except AbsentError:
        shutil.rmtree(folder)
        raise
    try:
        checksums = json.loads(listing.read_text("utf-8"))
        names = {name: str(digest) for name, digest in checksums.items()}
        if not names:
            raise ValueError("It is empty.")
    except (ValueError, AttributeError, RecursionError) as error:
        shutil.rmtree(folder)
        raise PresetError(f"{url}/{CHECKSUMS}: not a list of checksums.") from error
    for name in names:
        if not FILE_NAME.fullmatch(name):
            raise PresetError(f"{url}/{CHECKSUMS}: {name!r} is not a file name.")
    for path in folder.iterdir():
        if path.name.removesuffix(".part") not in {*names, CHECKSUMS}:
            path.unlink()
    for name, digest in names.items():
        path = folder / name
        if path.exists() and _sha256(path) == digest:
            continue
        path.unlink(missing_ok=True)
        check = functools.partial(_check_sha256, digest)
        try:
            _fetch_file(f"{url}/{name}", query, path, check)
        except AbsentError as error:  # of the file, not of the preset
            raise PresetError(str(error)) from error


def _check_sha256(digest: str, path: Path) -> None:
    if _sha256(path) != digest:
        raise PresetError(f"{path}: the file is damaged (wrong sha256).")


def _fetch_file(url: str, query: str, path: Path, check: Callable[[Path], Any]) -> None:
    """Fetch a file and keep it if `check` raises nothing."""
    resumed = _part(path).exists()
    _download(url, query, path)
    try:
        check(path)
    except PresetError as error:
        path.unlink()
        if resumed:
            # A part kept from an older version of the file makes a wrong whole, once.
            return _fetch_file(url, query, path, check)
        raise PresetError(str(error).replace(str(path), url)) from error


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _download(url: str, query: str, path: Path) -> None:
    """Fetch a file, going on with `<path>.part` if it is there.

    `query` is in no message: whoever reads a signature can use it.

    Raises:
        AbsentError: if there is no such file, or the server does not show it.
        PresetError: if it cannot be fetched.
    """
    part = _part(path)
    have = part.stat().st_size if part.exists() else 0
    try:
        request = urllib.request.Request(url + query)
        if have:
            request.add_header("Range", f"bytes={have}-")
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
            if answer.status != 206:  # all of it, from the start (None: a file URL)
                have = 0
            expected = answer.headers.get("Content-Length")
            total = have + int(expected) if (expected or "").isdecimal() else None
            if total is not None and total > SIZE_LIMIT:
                raise _too_large(url, part)
            with (
                part.open("ab" if have else "wb") as file,
                tqdm(
                    desc=path.name,
                    total=total,
                    initial=have,
                    unit="B",
                    unit_scale=True,
                    disable=not sys.stderr.isatty(),
                ) as bar,
            ):
                while chunk := _read(answer, url):
                    have += len(chunk)
                    if have > SIZE_LIMIT:
                        break
                    file.write(chunk)
                    bar.update(len(chunk))
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # the part is not a beginning of the file
            part.unlink()
            return _download(url, query, path)
        answer = f"{url}: the server answered {_status(error.code)}"
        if error.code in _ABSENT:
            raise AbsentError(f"{answer}: {_ABSENT[error.code]}.") from error
        raise PresetError(f"{answer}.") from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, FileNotFoundError):
            raise AbsentError(f"{url}: there is no such file.") from error
        raise PresetError(f"{url}: cannot be reached: {error.reason}.") from error
    except PresetError:
        raise
    except (http.client.HTTPException, ValueError) as error:  # also: not a URL
        raise PresetError(f"{url}: cannot be fetched: {error!r}.") from error
    except (ConnectionError, TimeoutError) as error:
        raise PresetError(f"{url}: the connection broke off; try again.") from error
    if have > SIZE_LIMIT:
        raise _too_large(url, part)
    if total is not None and have < total:
        raise PresetError(f"{url}: the connection broke off; try again.")
    part.rename(path)


def _status(code: int) -> str:
    """404 -> "404 Not Found"; the phrase is HTTP's, whatever the server called it."""
    return f"{code} {http.client.responses.get(code, '')}".rstrip()


def _too_large(url: str, part: Path) -> PresetError:
    part.unlink(missing_ok=True)
    return PresetError(f"{url}: larger than {SIZE_LIMIT // 2**20} MB.")


def _read(answer: http.client.HTTPResponse, url: str) -> bytes:
    try:
        return answer.read(_CHUNK)
    except (OSError, http.client.IncompleteRead) as error:
        raise PresetError(f"{url}: the connection broke off; try again.") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
