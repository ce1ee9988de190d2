"""Fetch the real data sets where there is a network: PCam through torchvision, HCD through Kaggle's own
client.
"""

import shutil
import stat
import subprocess
import zipfile
import zlib
from pathlib import Path

from snapgui.data.datasets import open_patches
from snapgui.errors import DataError

COMPETITION = "histopathologic-cancer-detection"
# Peak need: the archives beside what is unpacked from them.
PCAM_GB, HCD_GB = 17, 15
PCAM_PARTS = ("train", "val", "test")
# What a client says, in lower case, and what to do about it; the first that fits is shown.
KAGGLE_TROUBLES = (
    (
        (
            "max retries",
            "failed to resolve",
            "connection refused",
            "connection error",
            "timed out",
            "proxyerror",
        ),
        "kaggle.com cannot be reached. Connect to a network and start again",
    ),
    (
        ("kaggle_api_token", "access_token", "kaggle.json", "authenticat", "401", "unauthorized"),
        (
            "it found no valid credentials. Make a token on kaggle.com (Settings, API) and save it "
            "where Kaggle says"
        ),
    ),
    (
        ("403", "forbidden", "accept"),
        f"Kaggle refused. Open kaggle.com/c/{COMPETITION}/rules with the same account and accept the rules",
    ),
)


def fetch_pcam(out: Path) -> Path:
    """Fetch PatchCamelyon (about 8 GB, 17 GB of space) into ``out/pcam``; what is there already stays.

    Returns:
        The folder to give as ``--data``.

    Raises:
        DataError: offline, a helper package missing, too little space, or a download that was cut short.
    """
    from torchvision.datasets import PCAM

    out = _prepare(out, PCAM_GB)
    for part in PCAM_PARTS:
        try:
            PCAM(str(out), split=part, download=True)
        except (
            Exception
        ) as error:  # gdown raises its own kinds, requests' and OSError; all mean the same to the user
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            if "gdown" in reason and "install" in reason:
                raise DataError(
                    "PCam lies on Google Drive, which needs the package gdown. Run “pip install gdown” first."
                ) from error
            raise DataError(
                f"The {part} part of PCam could not be fetched ({reason}). Connect to a network and start "
                "again: parts that are complete are not fetched twice."
            ) from error
        for archive in (out / "pcam").glob("*.h5.gz"):
            if archive.with_suffix("").is_file():
                archive.unlink()
    open_patches(out)
    return out


def fetch_hcd(out: Path) -> Path:
    """Fetch Kaggle's Histopathologic Cancer Detection (about 7 GB, 15 GB of space) into ``out``; overwrites
    nothing.

    Returns:
        The folder to give as ``--data``.

    Raises:
        DataError: the client or its credentials are missing, the rules are not accepted, offline, too little
            space, or an archive that is damaged or would write elsewhere.
    """
    out = Path(out)
    if (out / "train_labels.csv").is_file():
        open_patches(out)
        return out
    program = shutil.which("kaggle")
    if program is None:
        raise DataError(
            "Kaggle's client is not installed. Run “pip install kaggle”, save an API token, and start again."
        )
    out = _prepare(out, HCD_GB)
    archive = out / f"{COMPETITION}.zip"
    command = [program, "competitions", "download", "-c", COMPETITION, "-p", str(out)]
    answer = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if answer.returncode != 0 or not archive.is_file():
        raise DataError(f"Kaggle's client fetched nothing: {_kaggle_trouble(answer.stdout + answer.stderr)}.")
    unpack(archive, out)
    archive.unlink()
    open_patches(out)
    return out


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a ZIP archive into a folder, refusing it as a whole before anything is written.

    Raises:
        DataError: not a ZIP, damaged, an entry that is a link or lies outside the folder, a file that exists
            already, or more content than the disk has space for.
    """
    root = folder.resolve()
    written: list[Path] = []
    try:
        with zipfile.ZipFile(archive) as files:
            entries = [entry for entry in files.infolist() if not entry.is_dir()]
            for entry in entries:
                target = (root / entry.filename).resolve()
                if not target.is_relative_to(root) or stat.S_ISLNK(entry.external_attr >> 16):
                    raise DataError(
                        f"{archive.name} holds “{entry.filename}”, which would be written outside "
                        f"{folder}. It is not unpacked."
                    )
                if target.exists():
                    raise DataError(
                        f"{target} is there already; nothing is overwritten. Choose an empty folder "
                        "or remove it."
                    )
            _check_space(folder, sum(entry.file_size for entry in entries) / 1e9)
            for entry in entries:
                target = root / entry.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with files.open(entry) as source, target.open("xb") as sink:
                    written.append(target)
                    shutil.copyfileobj(source, sink, 1 << 20)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        for target in written:
            target.unlink(missing_ok=True)
        raise DataError(
            f"{archive.name} cannot be unpacked ({error}). Remove it and fetch it again."
        ) from error


def _prepare(out: Path, gigabytes: float) -> Path:
    out = Path(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"The folder {out} cannot be made ({error.strerror}). Choose another with --out DIR."
        ) from error
    _check_space(out, gigabytes)
    return out


def _check_space(folder: Path, gigabytes: float) -> None:
    free = shutil.disk_usage(folder).free / 1e9
    if free < gigabytes:
        raise DataError(
            f"{folder} has {free:.1f} GB of free space; {gigabytes:.1f} GB are needed. Choose "
            "another disk with --out DIR."
        )


def _kaggle_trouble(said: str) -> str:
    low = said.lower()
    for signs, trouble in KAGGLE_TROUBLES:
        if any(sign in low for sign in signs):
            return trouble
    last = said.strip().splitlines()[-1] if said.strip() else "it gave no reason"
    return (
        f"it said “{last[:200]}”. Start “kaggle competitions download -c {COMPETITION}” by hand to see more"
    )
