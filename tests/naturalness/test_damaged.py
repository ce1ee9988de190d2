"""Damaged numbers of naturalness and of ordinary damage are called so on reading, before any page draws."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from snapgui.corruptions import store as corruptions
from snapgui.errors import DataError
from snapgui.naturalness import frontier
from snapgui.shipped import NATURALNESS_FOLDER

KINDS: dict[str, Any] = {
    "none": None,
    "text": "x",
    "table": {},
    "list": ["x"],
    "not a number": float("nan"),
    "huge": 10**400,
}
NATURAL = ("conditions", "natural", "numbers")
FILES: dict[str, tuple[Callable[[Path], Any], list[tuple[Any, ...]]]] = {
    frontier.FILE: (
        frontier.read_shipped,
        [
            (*NATURAL, "flipped", "share"),
            (*NATURAL, "flipped", "interval"),
            (*NATURAL, "mean_de00_mask"),
            (*NATURAL, "mean_flip_interval"),
            (*NATURAL, "detector", "cell", "linear", "auc"),
            (*NATURAL, "area"),
            NATURAL,
        ],
    ),
    corruptions.FILE: (
        corruptions.read_shipped,
        [
            ("numbers", "corruptions", 0, "lost", "de00", "mean"),
            ("numbers", "corruptions", 0, "lost", "flipped", "interval"),
            ("numbers", "corruptions", 0, "lost", "flipped", "of"),
            ("numbers", "corruptions", 0, "lost", "snap", "natural", "ssim", "ssim"),
            ("numbers", "images", "lost", "of"),
            ("numbers", "accuracy"),
        ],
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("file", FILES)
def test_a_number_of_another_kind_is_damage(file: str, kind: str, tmp_path: Path) -> None:
    read, places = FILES[file]
    shutil.copytree(NATURALNESS_FOLDER, tmp_path / "naturalness")
    path = tmp_path / "naturalness" / file
    whole = path.read_text(encoding="utf-8")
    assert read(path.parent)
    for place in places:
        values = json.loads(whole)
        inner = values
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = KINDS[kind]
        path.write_text(json.dumps(values), encoding="utf-8")
        with pytest.raises(DataError, match=f"{file} cannot be read"):
            read(path.parent)
