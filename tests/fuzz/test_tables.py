"""Tables and folders of patches: the same labels in every dressing, and no others from damaged ones."""

import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from snapgui.data.datasets import open_patches
from snapgui.data.tables import as_label, read_column
from tests.fuzz.mutations import bounded, damaged

NAMES = ("a", "b c", "ä", "=1+1", "d,e", '"f"', "tumor_001_x_3_y_4", "0007")


@st.composite
def dressed(draw: st.DrawFn) -> tuple[dict[str, int], bytes]:
    """Labels by name, and a table that holds them."""
    labels = {
        name: draw(st.integers(0, 1)) for name in draw(st.permutations(NAMES))[: draw(st.integers(1, 8))]
    }
    columns = draw(st.permutations(("id", "label", "further")))
    ends = draw(st.sampled_from(("\n", "\r\n", "\r")))
    spelled = draw(st.sampled_from(("{}", "{}.0", " {} ")))
    stream = io.StringIO()
    quoting, further = draw(st.sampled_from(((csv.QUOTE_MINIMAL, "x"), (csv.QUOTE_ALL, "x\ny"))))
    writer = csv.DictWriter(stream, columns, lineterminator=ends, quoting=quoting)
    writer.writeheader()
    for name, label in labels.items():
        writer.writerow({"id": name, "label": spelled.format(label), "further": further})
        if draw(st.integers(0, 9)) == 0:
            stream.write(ends)
    encoding = draw(st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1")))
    # Windows' "Unicode text" begins with its mark.
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    return labels, (mark + stream.getvalue()).encode(encoding)


def read_labels(path: Path) -> dict[str, int]:
    found, _ = read_column(path, "label")
    return {name: as_label(text, name, path.name) for name, text in found.items()}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables") / "train_labels.csv"


@bounded("tables, dressed")
@given(dressed())
def test_one_table_in_every_dressing_gives_the_same_labels(
    door, table: Path, case: tuple[dict[str, int], bytes]
) -> None:
    labels, data = case
    table.write_bytes(data)
    found = None
    with door():
        found = read_labels(table)
    assert found == labels


@bounded("tables, damaged")
@given(dressed().flatmap(lambda case: damaged(case[1])))
def test_a_damaged_table_is_refused_or_gives_labels(door, table: Path, data: bytes) -> None:
    table.write_bytes(data)
    with door():
        assert set(read_labels(table).values()) <= {0, 1}


CLASSES = (
    ("normal", "metastasis"),
    ("normal", "tumor"),
    ("0", "1"),
    ("Benign", "Malignant"),
    ("non-tumor", "tumor"),
)
STRANGE = (".hidden.png", "._x.png", "notes.txt", "Thumbs.db", "x.png/inside.txt", "broken.png")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    return tmp_path / "set"


@bounded("folders")
@given(data=st.data())
def test_patches_in_every_layout_have_their_labels(door, folder: Path, data: st.DataObject) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    labels = {f"p{number}": data.draw(st.integers(0, 1)) for number in range(4)} | {"n": 0, "m": 1}
    layout = data.draw(st.sampled_from(("kaggle", "splits", "classes", "split classes", "wilds")))
    classes, suffix = (
        data.draw(st.sampled_from(CLASSES)),
        data.draw(st.sampled_from((".png", ".TIF", ".bmp"))),
    )
    places, rows = {}, []
    for number, (name, label) in enumerate(labels.items()):
        if layout == "wilds":
            name = f"patch_patient_{number}_node_0_x_1_y_2"
            places[f"patches/patient_{number}_node_0/{name}.png"] = name, label
            rows.append(f"{number},0,1,2,{label},0,0")
        elif layout == "classes":
            places[f"{classes[label]}/{name}{suffix}"] = f"{classes[label]}/{name}{suffix}", label
        elif layout == "split classes":
            place = f"{('train', 'test')[number % 2]}/{classes[label]}/{name}{suffix}"
            places[place] = place, label
        else:
            places[f"{data.draw(st.sampled_from(('train', 'patches')))}/{name}{suffix}"] = name, label
            rows.append(f"{name},{label}")
    if layout == "split classes":
        for split in ("train", "test"):
            for label in (0, 1):
                place = f"{split}/{classes[label]}/more.png"
                places[place] = place, label
    for place in places:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(folder / place)
    if layout == "wilds":
        head = "patient,node,x_coord,y_coord,tumor,center,split"
        (folder / "metadata.csv").write_text("\n".join((head, *rows)), encoding="utf-8")
    elif layout in ("kaggle", "splits"):
        (folder / "train_labels.csv").write_text("\n".join(("id,label", *rows)), encoding="utf-8")
        if layout == "splits":
            splits = "\n".join(("id,split", *(f"{row[:-2]},val" for row in rows)))
            (folder / "splits.csv").write_text(splits, encoding="utf-8")
    harm = data.draw(st.sampled_from((None, None, "strange", "gone", "renamed")))
    victim = folder / data.draw(st.sampled_from(sorted(places)))
    if harm == "strange":
        strange = victim.parent / data.draw(st.sampled_from(STRANGE))
        strange.parent.mkdir(exist_ok=True)
        strange.write_bytes(b"no picture")
    elif harm == "gone":
        victim.unlink()
    elif harm == "renamed":
        victim.rename(victim.with_name(f"other{victim.suffix}"))
    found = None
    with door():
        patches = open_patches(folder)
        found = dict(zip(patches.ids, patches.labels.tolist(), strict=True))
    if harm is None:
        assert found == dict(places.values())
    elif found is not None:
        known = dict(places.values())
        new = {name: label for name, label in found.items() if name not in known}
        assert all(label == known[name] for name, label in found.items() if name in known)
        # Only a folder for each class takes what lies in it.
        assert not new or layout in ("classes", "split classes")
