"""The demo folder: what comes with the program, and the sentence for each way it can be damaged."""

import json
from pathlib import Path

import numpy as np
import pytest

from snapgui.data.demo import demo_patches
from snapgui.engine.images import encode_png, read_pixels, sha256
from snapgui.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    entries = []
    for index, name in enumerate(("normal_01", "metastasis_01")):
        data = encode_png(np.full((96, 96, 3), 60 + index, dtype=np.uint8))
        (tmp_path / f"{name}.png").write_bytes(data)
        entries.append({"name": name, "file": f"{name}.png", "true_class": index, "sha256": sha256(data)})
    write(tmp_path, {"patches": entries})
    return tmp_path


def write(folder: Path, values: object) -> None:
    (folder / "demo.json").write_text(json.dumps(values), encoding="utf-8")


def entries_of(folder: Path) -> list[dict[str, object]]:
    return list(json.loads((folder / "demo.json").read_text(encoding="utf-8"))["patches"])


def test_patches_come_in_the_order_of_the_list(folder: Path) -> None:
    patches = demo_patches(folder)
    assert [(patch.name, patch.true_class) for patch in patches] == [("normal_01", 0), ("metastasis_01", 1)]
    assert [int(read_pixels(patch.path)[0, 0, 0]) for patch in patches] == [60, 61]


def test_no_list(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no .*demo\.json\. Fetch the program's assets again"):
        demo_patches(tmp_path)


def test_list_that_is_no_json(folder: Path) -> None:
    (folder / "demo.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"demo\.json cannot be read"):
        demo_patches(folder)


@pytest.mark.parametrize("values", [[], {}, {"patches": []}, {"patches": "all"}])
def test_list_without_patches(folder: Path, values: object) -> None:
    write(folder, values)
    with pytest.raises(DataError, match="lists no patches"):
        demo_patches(folder)


@pytest.mark.parametrize("key", ["name", "file", "true_class", "sha256"])
def test_entry_that_lacks_something(folder: Path, key: str) -> None:
    entries = entries_of(folder)
    del entries[1][key]
    write(folder, {"patches": entries})
    with pytest.raises(DataError, match="lacks name, file, true_class or sha256"):
        demo_patches(folder)


def test_class_that_is_none(folder: Path) -> None:
    entries = entries_of(folder)
    entries[0]["true_class"] = 2
    write(folder, {"patches": entries})
    with pytest.raises(DataError, match=r"gives normal_01 the class 2; classes are 0 \(normal\) and 1"):
        demo_patches(folder)


def test_file_elsewhere(folder: Path) -> None:
    entries = entries_of(folder)
    entries[0]["file"] = "../normal_01.png"
    write(folder, {"patches": entries})
    with pytest.raises(DataError, match="a name without folders is needed"):
        demo_patches(folder)


def test_picture_that_is_missing(folder: Path) -> None:
    (folder / "metastasis_01.png").unlink()
    with pytest.raises(DataError, match=r"metastasis_01\.png cannot be read"):
        demo_patches(folder)


def test_picture_that_was_changed(folder: Path) -> None:
    (folder / "normal_01.png").write_bytes(encode_png(np.zeros((96, 96, 3), dtype=np.uint8)))
    with pytest.raises(DataError, match=r"normal_01\.png is not the picture that demo\.json describes"):
        demo_patches(folder)
