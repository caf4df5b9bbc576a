"""Sets prepared once in a cache folder, and read from there."""

import contextlib
import io
import os
import pathlib
import shutil
from collections.abc import Collection, Iterator
from typing import Any

import absl.logging
import filelock
import platformdirs
import tensorflow_datasets as tfds
from google.protobuf.json_format import ParseError

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.errors import UserError, first_line

RECORD_FRAME = 16  # Bytes that a TFRecord adds to an example: its length, two CRCs.


def cache_folder() -> pathlib.Path:
    """Where prepared sets are kept: KERAS_SEQZOO_HOME or the user's cache folder."""
    home = os.environ.get("KERAS_SEQZOO_HOME")
    home = home or platformdirs.user_cache_dir("keras_seqzoo")
    return pathlib.Path(home).expanduser() / "datasets"


def prepare(
    builder_class: type[SequenceBuilder], data_dir: str | None = None
) -> SequenceBuilder:
    """A builder whose files are ready to be read.

    Args:
        builder_class: The set's builder.
        data_dir: Folder of a local copy (checked, never written to); None for the copy
            prepared earlier, or else the public source.

    Raises:
        UserError: A file of the local copy is missing or is another file, the public
            source cannot be reached or has no such files, or the cache folder cannot be
            written.
    """
    from tensorflow.errors import OpError

    folder, optional = None, ()
    if data_dir is not None:
        folder = builder_class.local_folder(data_dir)
        files = builder_class.local_files(folder)
        optional = [s for s, name in builder_class.OPTIONAL.items() if name in files]
    cache = cache_folder()
    try:
        builder = _opened(builder_class, cache)
        if _has_splits(builder, optional):
            return builder
        if folder is None and not builder_class.is_public():
            if builder.data_path.exists():
                raise _damaged_copy(builder.data_dir, "it is cut short")
            raise builder_class.needs_local_copy()
        cache.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(cache / f".{builder_class.name}.lock"):
            builder = _opened(builder_class, cache)
            if not _has_splits(builder, optional):
                fetched = 0 if folder else builder_class.PUBLIC_SPACE
                _check_space(cache, builder_class.DISK_SPACE + fetched)
                is_cut = folder is None and builder.data_path.exists()
                try:
                    _build(builder, folder)
                except UserError as error:
                    if not is_cut:
                        raise
                    raise _damaged_copy(
                        builder.data_dir, f"it is cut short, and {error}"
                    ) from error
    except (OSError, OpError, RuntimeError) as error:
        raise UserError(
            f"{cache}: cannot prepare {builder_class.TITLE} here "
            f"({getattr(error, 'strerror', None) or first_line(error)}): set "
            "KERAS_SEQZOO_HOME to another folder"
        ) from error
    return builder


def is_prepared(builder_class: type[SequenceBuilder]) -> bool:
    """Whether the set was prepared earlier; TensorFlow is not loaded for it."""
    folder = cache_folder() / builder_class.name / str(builder_class.VERSION)
    return (folder / "dataset_info.json").is_file()  # What tfds writes last.


def read_rows(builder: SequenceBuilder, split: str) -> Iterator[dict[str, Any]]:
    """The examples of a split, or of a part such as "train[:10]", as NumPy values.

    Raises:
        UserError: The prepared copy is damaged.
    """
    with reading_copy(builder):
        yield from tfds.as_numpy(builder.as_dataset(split=split))


@contextlib.contextmanager
def reading_copy(builder: SequenceBuilder) -> Iterator[None]:
    """Names the prepared copy in a UserError if what is read in the block is damaged.

    tfds' warnings, which are to its own authors, are not shown meanwhile.
    """
    from tensorflow.errors import OpError

    try:
        with _no_warnings():
            yield
    except OpError as error:
        raise _damaged_copy(builder.data_dir, first_line(error)) from error


def check_split(builder_class: type[SequenceBuilder], split: str) -> None:
    """Raises UserError unless the set has this split."""
    if split not in builder_class.ROWS:
        raise UserError(
            f"split must be one of {list(builder_class.ROWS)}. Received: {split!r}"
        )


def _opened(
    builder_class: type[SequenceBuilder], cache: pathlib.Path
) -> SequenceBuilder:
    try:
        return builder_class(data_dir=os.fspath(cache))
    except (ParseError, ValueError, AssertionError) as error:
        folder = cache / builder_class.name
        raise _damaged_copy(folder, first_line(error)) from error


def _has_splits(
    builder: SequenceBuilder, optional: Collection[str] = frozenset()
) -> bool:
    """Whether the prepared copy has all splits that must be there, and these too."""
    return all(
        _is_whole(builder, split)
        for split in builder.ROWS
        if split not in builder.OPTIONAL or split in optional
    )


def _is_whole(builder: SequenceBuilder, split: str) -> bool:
    """Whether a split has all its examples, in files that were not cut short."""
    if split not in builder.info.splits:
        return False
    info = builder.info.splits[split]
    if info.num_examples != builder.ROWS[split]:
        return False
    files = map(pathlib.Path, info.filepaths)
    size = sum(file.stat().st_size if file.exists() else 0 for file in files)
    return size == info.num_bytes + RECORD_FRAME * info.num_examples


def _build(builder: SequenceBuilder, folder: pathlib.Path | None) -> None:
    tfds.disable_progress_bar()
    # tfds announces itself on standard output, which belongs to the caller's report.
    with _no_warnings(), contextlib.redirect_stdout(io.StringIO()):
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(
                manual_dir=folder,
                try_download_gcs=False,
                # A copy without an optional split makes way for one that has it.
                download_mode=tfds.GenerateMode.REUSE_CACHE_IF_EXISTS,
            )
        )


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """Without the warnings of tfds."""
    verbosity = absl.logging.get_verbosity()
    absl.logging.set_verbosity(absl.logging.ERROR)
    try:
        yield
    finally:
        absl.logging.set_verbosity(verbosity)


def _damaged_copy(folder: str | os.PathLike, reason: str) -> UserError:
    return UserError(
        f"{folder}: the prepared copy is damaged ({reason}): delete this folder and "
        "prepare the set again"
    )


def _check_space(folder: pathlib.Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(
            f"{folder}: {needed // 1_000_000} MB of free disk space are needed. "
            f"Received: {free // 1_000_000} MB; set KERAS_SEQZOO_HOME to another folder"
        )
