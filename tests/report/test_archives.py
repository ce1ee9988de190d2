import io
import struct
import zipfile
from pathlib import Path

import pytest

from snapgui import cli
from snapgui.report.bundle import archive
from snapgui.report.bundle.archive import BundleError, open_archive, read_entry, zip_bytes


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as made:
        for name, data in entries:
            made.writestr(name, data)
    return stream.getvalue()


def link() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("result.json")
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    return entry


def encrypted() -> bytes:
    data = bytearray(zipped(("manifest.json", b"{}")))
    at = data.index(b"PK\1\2")
    data[at + 8] |= 1
    return bytes(data)


def claims_many() -> bytes:
    """The end of a ZIP that claims a directory of 60,000 entries."""
    return b"\0" * 100 + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 60_000, 60_000, 50, 0, 0)


HOSTILE = {
    "words": (b"no archive at all", "is not a ZIP"),
    "empty": (b"", "is not a ZIP"),
    "cut off": (zipped(("manifest.json", b"{}"))[:-30], "is not a ZIP"),
    "no manifest": (zipped(("a.txt", b"x")), "no manifest.json"),
    "absolute": (zipped(("/etc/passwd", b"x")), "leads out of the bundle"),
    "upwards": (zipped(("pictures/../../x", b"x")), "leads out of the bundle"),
    "Windows": (zipped(("C:\\x", b"x")), "leads out of the bundle"),
    "control": (zipped(("a\nb", b"x")), "leads out of the bundle"),
    "link": (zipped((link(), b"/etc/passwd")), "a link"),
    "encrypted": (encrypted(), "encrypted"),
    "unusual": (zipped(("manifest.json", b"x" * 100), method=zipfile.ZIP_LZMA), "unusual way"),
    "bomb": (zipped(("manifest.json", b"\0" * (8 << 20)), method=zipfile.ZIP_DEFLATED), "200 times"),
    "many": (claims_many(), "entries"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_bundle_is_refused_in_one_sentence(kind: str, tmp_path: Path, capsys, monkeypatch) -> None:
    data, sentence = HOSTILE[kind]
    monkeypatch.chdir(tmp_path)
    Path("b.zip").write_bytes(data)
    assert cli.main(["verify", "b.zip"]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.startswith("snap: ") and said.count("\n") == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "b.zip"], "something was written"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_name_twice_is_refused(tmp_path) -> None:
    (tmp_path / "b.zip").write_bytes(zipped(("a", b"x"), ("a", b"y")))
    with pytest.raises(BundleError, match="holds a twice"), open_archive(tmp_path / "b.zip"):
        pass


def test_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch) -> None:
    big = tmp_path / "big.zip"
    with big.open("wb") as file:
        file.truncate(archive.MAX_ARCHIVE_BYTES + 1)
    assert cli.main(["verify", str(big)]) == 2
    assert cli.main(["verify", str(tmp_path)]) == cli.main(["verify", str(tmp_path / "none.zip")]) == 2
    (tmp_path / "b.zip").write_bytes(zipped(("a", b"x" * 2000), ("b", b"y" * 2000)))
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 3000)
    with pytest.raises(BundleError, match="unpacked"), open_archive(tmp_path / "b.zip"):
        pass
    with pytest.raises(BundleError, match="at most"):
        zip_bytes({"a": b"x" * 4000})


def test_an_entry_that_is_longer_than_it_says_is_damaged(tmp_path) -> None:
    data = bytearray(zipped(("a", b"x" * 500), method=zipfile.ZIP_DEFLATED))
    at = data.index(b"PK\1\2")
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    (tmp_path / "b.zip").write_bytes(bytes(data))
    with open_archive(tmp_path / "b.zip") as opened, pytest.raises(BundleError, match="a is damaged"):
        read_entry(opened, "a")


def test_names_that_would_be_refused_are_not_written() -> None:
    for name in ("../a", "/a", "a//b", "a\\b", "x" * 300):
        with pytest.raises(BundleError, match="leads out"):
            zip_bytes({name: b""})
