"""ZIP archives: written so that the same files give the same bytes, read so that a hostile one does no harm.

Nothing is ever unpacked to disk; entries are read one at a time, within limits that are checked before and
while reading.
"""

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from snapgui.errors import DataError

MAX_ARCHIVE_BYTES = 512 << 20
MAX_UNPACKED_BYTES = 1 << 30
MAX_ENTRY_BYTES = 256 << 20
MAX_ENTRIES = 20_000
MAX_DIRECTORY_BYTES = 8 << 20
# Text of ours packs about 10 to 1; what claims far more is made to fill a memory.
MAX_RATIO = 200
_SMALL_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 20
# ZIP's own earliest date: same files, same bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LINK = 0o120000
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    struct.error,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


class BundleError(DataError):
    """A file that is no bundle, or one that must not be read."""


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """The files as one ZIP in their order; stored, not packed, so that no other version of zlib makes other
    bytes.

    Raises:
        BundleError: a name that a reader would refuse, or more than a reader would take.
    """
    stream = io.BytesIO()
    if (
        len(files) > MAX_ENTRIES
        or sum(map(len, files.values())) > min(MAX_ARCHIVE_BYTES, MAX_UNPACKED_BYTES) * 0.95
    ):
        raise BundleError(
            f"The bundle would have {len(files):,} files of {sum(map(len, files.values())) >> 20:,} "
            "MB together; at most "
            f"{MAX_ENTRIES:,} and {MAX_ARCHIVE_BYTES >> 20} MB are written. Copy the folder itself instead."
        )
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            _refuse_name(name)
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return stream.getvalue()


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """A ZIP whose directory was checked: names, sizes, number of entries. Folders count as nothing.

    Raises:
        BundleError: in one sentence, why the file is not read.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise BundleError(f"{path} is not a file. Give the ZIP of a bundle.")
        if size > MAX_ARCHIVE_BYTES:
            raise BundleError(
                f"{path.name} has {size >> 20:,} MB; at most {MAX_ARCHIVE_BYTES >> 20} MB are read. "
                "Give a smaller bundle."
            )
        _check_directory_size(path, size)
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise BundleError(
            f"{path} cannot be read ({error.strerror}). Check the name and the rights."
        ) from error
    except DAMAGE as error:
        raise BundleError(
            f"{path.name} is not a ZIP, or its end is cut off ({error}). Give the ZIP of a bundle."
        ) from error
    with archive:
        _check_entries(archive, path.name)
        yield archive


def file_sha256(path: Path) -> str:
    """SHA-256 of a whole file; raises BundleError where it cannot be read or is too large."""
    try:
        if path.stat().st_size > MAX_ARCHIVE_BYTES:
            raise BundleError(
                f"{path.name} has {path.stat().st_size >> 20:,} MB; at most "
                f"{MAX_ARCHIVE_BYTES >> 20} MB are read. Give a smaller bundle."
            )
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror}). Give the ZIP of a bundle.") from error


def entry_names(archive: zipfile.ZipFile) -> list[str]:
    """Names of the files of an archive, without folders."""
    return [entry.filename for entry in archive.infolist() if not entry.is_dir()]


def read_entry(archive: zipfile.ZipFile, name: str) -> bytes:
    """One file of an archive that `open_archive` checked; raises BundleError where it is missing or
    damaged.
    """
    return b"".join(_chunks(archive, name))


def hash_entry(archive: zipfile.ZipFile, name: str) -> str:
    """SHA-256 of one file, a piece at a time; raises BundleError where it is missing or damaged."""
    digest = hashlib.sha256()
    for chunk in _chunks(archive, name):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    try:
        left = archive.getinfo(name).file_size
        with archive.open(name) as file:
            while chunk := file.read(_CHUNK_BYTES):
                left -= len(chunk)
                if left < 0:
                    raise BundleError(f"{name} is longer than the bundle says.")
                yield chunk
    except KeyError as error:
        raise BundleError(f"{name} is missing.") from error
    except DAMAGE as error:
        raise BundleError(f"{name} is damaged ({error}).") from error


def _check_directory_size(path: Path, size: int) -> None:
    """Refuse a directory of entries that would fill the memory when it is read; zipfile reads all of it at
    once.
    """
    with path.open("rb") as file:
        file.seek(max(0, size - (1 << 16) - 22))
        end = file.read()
    at = end.rfind(b"PK\5\6")
    if at < 0 or len(end) - at < 22:
        raise BundleError(f"{path.name} is not a ZIP, or its end is cut off. Give the ZIP of a bundle.")
    count, directory_bytes = (
        struct.unpack("<H", end[at + 10 : at + 12])[0],
        struct.unpack("<I", end[at + 12 : at + 16])[0],
    )
    if count > MAX_ENTRIES or directory_bytes > MAX_DIRECTORY_BYTES:
        raise BundleError(
            f"{path.name} has more than {MAX_ENTRIES:,} entries, which no bundle has. It is not read."
        )


def _check_entries(archive: zipfile.ZipFile, name: str) -> None:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise BundleError(
            f"{name} has {len(entries):,} entries; at most {MAX_ENTRIES:,} are read. It is not read."
        )
    seen: set[str] = set()
    for entry in entries:
        _refuse_name(entry.orig_filename.removesuffix("/"))
        if entry.filename in seen:
            raise BundleError(f"{name} holds {entry.filename} twice. It is not read.")
        seen.add(entry.filename)
        if (entry.external_attr >> 16) & 0o170000 == _LINK:
            raise BundleError(f"{entry.filename} in {name} is a link to another place. It is not read.")
        if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BundleError(
                f"{entry.filename} in {name} is encrypted or packed in an unusual way. Pack it "
                "again as a plain ZIP."
            )
        if entry.file_size > MAX_ENTRY_BYTES:
            raise BundleError(
                f"{entry.filename} in {name} has {entry.file_size >> 20:,} MB; at most "
                f"{MAX_ENTRY_BYTES >> 20} MB are read."
            )
        if entry.file_size > _SMALL_BYTES and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            raise BundleError(
                f"{entry.filename} in {name} claims to grow more than {MAX_RATIO} times, as no file "
                "of a bundle does. It is not read."
            )
    total = sum(entry.file_size for entry in entries)
    if total > MAX_UNPACKED_BYTES:
        raise BundleError(
            f"{name} would have {total >> 20:,} MB unpacked; at most {MAX_UNPACKED_BYTES >> 20:,} "
            "MB are read."
        )


def _refuse_name(name: str) -> None:
    parts = name.split("/")
    if (
        len(name) > 240
        or name.startswith(("/", "~"))
        or any(part in ("", ".", "..") for part in parts)
        or any(character in '\\:*?"<>|' or not character.isprintable() for character in name)
    ):
        raise BundleError(
            f"The entry “{ascii(name)[1:60]}” leads out of the bundle or has a name that no bundle "
            "has. It is not read."
        )
