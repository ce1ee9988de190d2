"""A universal patch as a bundle: the patch, its numbers, and the images on which they were counted."""

from pathlib import Path
from typing import Any

from snapgui.audit.universal import PARTS
from snapgui.errors import DataError
from snapgui.report.bundle.manifest import make_bundle, read_json


def universal_bundle(folder: Path) -> bytes:
    """The files that `universal` wrote.

    Raises:
        DataError: one is gone; patches of earlier versions have no images beside them.
    """
    numbers = read_json(_read(folder / "universal.json"), "universal.json")
    about = {
        "kind": "universal",
        "name": folder.resolve().name,
        "model": {"sha256": numbers.get("model_sha256")},
        "settings": {name: numbers.get(name) for name in ("settings", "cells", "layout")},
    }
    return make_bundle({name: _read(folder / name) for name in universal_files(numbers)}, about)


def universal_files(numbers: dict[str, Any]) -> list[str]:
    """The names of the files that belong to ``universal.json``, itself the first."""
    shared = numbers.get("layout") == "cells"
    names = ["universal.json", "canvas.npy", *(["mask.png"] if shared else [])]
    for part in PARTS:
        for number in range(numbers[part]["images"]):
            names += [f"{part}/{number:04}.png", *([] if shared else [f"{part}/{number:04}-mask.png"])]
    return names


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}), so nobody could check the patch. Train it again."
        ) from error
