"""Fetching the real sets, against stand-ins: no network, no client, no space, bad archives."""

import stat
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import torchvision

from snapgui.data import fetch
from snapgui.data.datasets import PCAM_FILE, open_patches
from snapgui.engine.images import encode_png
from snapgui.errors import DataError

PCAM_NAMES = {"train": "train", "val": "valid", "test": "test"}


@pytest.fixture(autouse=True)
def enough_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda folder: SimpleNamespace(free=10**12))


def small_pcam(root: str, split: str, download: bool) -> None:
    assert download
    folder = Path(root) / "pcam"
    folder.mkdir(parents=True, exist_ok=True)
    name = PCAM_FILE.format(split=PCAM_NAMES[split], part="x")
    with h5py.File(folder / name, "w") as file:
        file["x"] = np.zeros((2, 96, 96, 3), dtype=np.uint8)
    (folder / f"{name}.gz").write_bytes(b"archive")
    with h5py.File(folder / PCAM_FILE.format(split=PCAM_NAMES[split], part="y"), "w") as file:
        file["y"] = np.array([0, 1], dtype=np.uint8).reshape(2, 1, 1, 1)


def test_pcam_is_fetched_in_three_parts_and_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.datasets, "PCAM", small_pcam)
    place = fetch.fetch_pcam(tmp_path / "new" / "folder")
    patches = open_patches(place)
    assert len(patches) == 6 and set(patches.splits) == {"train", "val", "test"}
    assert not list((place / "pcam").glob("*.gz"))


def failing(error: Exception) -> Callable[..., None]:
    def fetch_nothing(*_: object, **__: object) -> None:
        raise error

    return fetch_nothing


def test_pcam_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        torchvision.datasets, "PCAM", failing(OSError("Failed to resolve 'drive.google.com'"))
    )
    with pytest.raises(
        DataError, match=r"train part of PCam could not be fetched \(Failed to resolve .*\)\. Connect"
    ):
        fetch.fetch_pcam(tmp_path)


def test_pcam_without_gdown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = "To download files from GDrive, 'gdown' is required. You can install it with 'pip install gdown'."
    monkeypatch.setattr(torchvision.datasets, "PCAM", failing(RuntimeError(told)))
    with pytest.raises(DataError, match=r"needs the package gdown\. Run “pip install gdown” first"):
        fetch.fetch_pcam(tmp_path)


@pytest.mark.parametrize("command", [fetch.fetch_pcam, fetch.fetch_hcd])
def test_too_little_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[[Path], Path]
) -> None:
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda folder: SimpleNamespace(free=2 * 10**9))
    monkeypatch.setattr(fetch.shutil, "which", lambda name: f"/bin/{name}")
    with pytest.raises(DataError, match=r"has 2\.0 GB of free space; 1[57]\.0 GB are needed"):
        command(tmp_path)


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match="cannot be made"):
        fetch.fetch_pcam(tmp_path / "file" / "below")


def kaggle_that(monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], tuple[int, str]]) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert command[1:5] == ["competitions", "download", "-c", "histopathologic-cancer-detection"]
        code, said = act(Path(command[command.index("-p") + 1]))
        return subprocess.CompletedProcess(command, code, "", said)

    monkeypatch.setattr(fetch.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(fetch.subprocess, "run", run)


def small_hcd(folder: Path) -> tuple[int, str]:
    with zipfile.ZipFile(folder / "histopathologic-cancer-detection.zip", "w") as files:
        files.writestr("train_labels.csv", "id,label\na,0\nb,1\n")
        for name in ("a", "b"):
            files.writestr(f"train/{name}.tif", encode_png(np.full((96, 96, 3), ord(name), dtype=np.uint8)))
        files.writestr("test/c.tif", b"")
    return 0, ""


def test_hcd_is_fetched_unpacked_and_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kaggle_that(monkeypatch, small_hcd)
    patches = open_patches(fetch.fetch_hcd(tmp_path))
    assert patches.ids == ("a", "b") and int(patches.pixels(1)[0, 0, 0]) == ord("b")
    assert not list(tmp_path.glob("*.zip"))


def test_hcd_that_is_there_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kaggle_that(monkeypatch, small_hcd)
    fetch.fetch_hcd(tmp_path)
    kaggle_that(monkeypatch, failing(AssertionError("asked Kaggle again")))
    assert fetch.fetch_hcd(tmp_path) == tmp_path


def test_hcd_without_the_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch.shutil, "which", lambda name: None)
    with pytest.raises(DataError, match=r"Kaggle's client is not installed\. Run “pip install kaggle”"):
        fetch.fetch_hcd(tmp_path)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            "Option B: API token file\n Save the token to ~/.kaggle/access_token",
            "no valid credentials. Make a token",
        ),
        ("401 - Unauthorized", "no valid credentials"),
        ("403 - Forbidden", "accept the rules"),
        (
            "HTTPSConnectionPool(host='api.kaggle.com', port=443): Max retries exceeded",
            "kaggle.com cannot be reached. Connect",
        ),
        ("first line\nsomething new", "it said “something new”"),
        ("", "it gave no reason"),
    ],
)
def test_hcd_that_kaggle_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, sentence: str
) -> None:
    kaggle_that(monkeypatch, lambda folder: (1, said))
    with pytest.raises(DataError, match=sentence):
        fetch.fetch_hcd(tmp_path)


def archive_of(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as files:
        for name, data in entries.items():
            files.writestr(name, data)
    return path


@pytest.mark.parametrize("name", ["../outside.txt", "/outside.txt", "train/../../outside.txt"])
def test_entry_outside_the_folder(tmp_path: Path, name: str) -> None:
    archive = archive_of(tmp_path / "bad.zip", {"inside.txt": b"in", name: b"out"})
    with pytest.raises(DataError, match="would be written outside"):
        fetch.unpack(archive, tmp_path / "folder")
    assert not list(tmp_path.rglob("*.txt"))


def test_entry_that_is_a_link(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as files:
        files.writestr(link, "/etc/hostname")
    with pytest.raises(DataError, match="“link”, which would be written outside"):
        fetch.unpack(tmp_path / "bad.zip", tmp_path / "folder")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "train_labels.csv").write_text("mine", encoding="utf-8")
    archive = archive_of(tmp_path / "set.zip", {"other.txt": b"new", "train_labels.csv": b"new"})
    with pytest.raises(DataError, match="is there already; nothing is overwritten"):
        fetch.unpack(archive, tmp_path)
    assert (tmp_path / "train_labels.csv").read_text(encoding="utf-8") == "mine" and not (
        tmp_path / "other.txt"
    ).exists()


def test_archive_cut_short(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "set.zip", {"a.txt": b"a" * 100})
    archive.write_bytes(archive.read_bytes()[:60])
    with pytest.raises(DataError, match=r"set\.zip cannot be unpacked .* fetch it again"):
        fetch.unpack(archive, tmp_path)


def test_damaged_entry_leaves_nothing_behind(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).bytes(5000)
    archive = archive_of(tmp_path / "set.zip", {"a.txt": b"whole", "b.bin": noise})
    data = bytearray(archive.read_bytes())
    place = data.index(noise[:50])
    data[place + 20] ^= 255
    archive.write_bytes(data)
    with pytest.raises(DataError, match="cannot be unpacked"):
        fetch.unpack(archive, tmp_path / "folder")
    assert not list((tmp_path / "folder").rglob("*.*"))
