"""Layouts of data sets: what is read, and the sentence for each thing that may be missing."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from snapgui.data.datasets import PCAM_FILE, PatchSet, open_patches, picture_files
from snapgui.errors import DataError, ImageError


def colour_of(index: int) -> tuple[int, int, int]:
    return 10 * index, 200 - index, 255 - 20 * index


def write_pictures(folder: Path, count: int, suffix: str) -> None:
    folder.mkdir(parents=True)
    for index in range(count):
        Image.new("RGB", (96, 96), colour_of(index)).save(folder / f"p{index}{suffix}", lossless=True)


def write_rows(path: Path, header: str, values: list[object]) -> None:
    path.write_text(
        "\n".join([header, *(f"p{i},{value}" for i, value in enumerate(values))]) + "\n", encoding="utf-8"
    )


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    write_pictures(tmp_path / "train", 6, ".tif")
    write_rows(tmp_path / "train_labels.csv", "id,label", [0, 1, 1, 0, 1, 0])
    return tmp_path


@pytest.fixture
def with_splits(tmp_path: Path) -> Path:
    write_pictures(tmp_path / "patches", 4, ".webp")
    write_rows(tmp_path / "train_labels.csv", "id,label", [0, 1, 1, 0])
    write_rows(tmp_path / "splits.csv", "id,split", ["train", "val_random", "train", "val_slides"])
    return tmp_path


def write_pcam(folder: Path, split: str, labels: list[int], *, base: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.stack([np.full((96, 96, 3), base + i, dtype=np.uint8) for i in range(len(labels))])
    with h5py.File(folder / PCAM_FILE.format(split=split, part="x"), "w") as file:
        file["x"] = pixels
    with h5py.File(folder / PCAM_FILE.format(split=split, part="y"), "w") as file:
        file["y"] = np.array(labels, dtype=np.uint8).reshape(-1, 1, 1, 1)


def test_kaggle_layout_gives_pictures_and_labels_of_the_same_row(kaggle: Path) -> None:
    patches = open_patches(kaggle)
    assert patches.ids == ("p0", "p1", "p2", "p3", "p4", "p5")
    assert patches.labels.tolist() == [0, 1, 1, 0, 1, 0]
    for index in range(6):
        assert tuple(patches.pixels(index)[5, 7]) == colour_of(index)
    tensor, label = patches[4]
    assert tensor.shape == (3, 96, 96) and tensor.is_contiguous() and label == 1
    assert tuple(tensor[:, 0, 0].tolist()) == colour_of(4)


def test_kaggle_layout_splits_by_name_alone(kaggle: Path) -> None:
    whole = dict(zip(open_patches(kaggle).ids, open_patches(kaggle).splits, strict=True))
    rows = (kaggle / "train_labels.csv").read_text(encoding="utf-8").splitlines()
    (kaggle / "train_labels.csv").write_text("\n".join([rows[0], *rows[:0:-1]][:5]) + "\n", encoding="utf-8")
    fewer = open_patches(kaggle)
    assert fewer.ids == ("p5", "p4", "p3", "p2")
    assert dict(zip(fewer.ids, fewer.splits, strict=True)) == {i: whole[i] for i in fewer.ids}
    assert set(whole.values()) <= {"train", "val_random"}


def test_splits_layout_reads_splits_and_keeps_rows_together(with_splits: Path) -> None:
    patches = open_patches(with_splits)
    train = patches.split("train")
    assert train.ids == ("p0", "p2") and train.labels.tolist() == [0, 1]
    assert tuple(train.pixels(1)[0, 0]) == colour_of(2)
    assert patches.split("val_slides").ids == ("p3",)


def test_sample_is_fixed_by_its_seed_and_keeps_order(kaggle: Path) -> None:
    patches = open_patches(kaggle)
    assert patches.sample(3, seed=1).ids == patches.sample(3, seed=1).ids
    assert {patches.sample(3, seed=seed).ids for seed in range(8)} != {patches.sample(3, seed=1).ids}
    assert list(patches.sample(4).ids) == sorted(patches.sample(4).ids)
    assert patches.sample(99) is patches


@pytest.mark.parametrize("below", ["", "pcam"])
def test_pcam_parts_are_joined_in_order(tmp_path: Path, below: str) -> None:
    write_pcam(tmp_path / below, "train", [0, 1, 1], base=100)
    write_pcam(tmp_path / below, "valid", [1, 0], base=200)
    patches = open_patches(tmp_path)
    assert patches.splits == ("train", "train", "train", "val", "val")
    assert patches.labels.tolist() == [0, 1, 1, 1, 0]
    assert [int(patches.pixels(i)[0, 0, 0]) for i in range(5)] == [100, 101, 102, 200, 201]
    assert int(patches.split("val").pixels(1)[3, 3, 2]) == 201


def test_not_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere is not a folder\. Give the folder"):
        open_patches(tmp_path / "nowhere")


def test_folder_of_no_known_layout(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"neither train_labels\.csv .* nor camelyonpatch_\*\.h5"):
        open_patches(tmp_path)


def test_missing_split_names_those_there_are(with_splits: Path) -> None:
    with pytest.raises(DataError, match="no split “test”; it has train, val_random, val_slides"):
        open_patches(with_splits).split("test")


def test_label_that_is_none(kaggle: Path) -> None:
    write_rows(kaggle / "train_labels.csv", "id,label", [0, 1, 2])
    with pytest.raises(DataError, match=r"gives p2 the label “2”; labels are 0 \(normal\) or 1"):
        open_patches(kaggle)


def test_missing_pictures_are_counted(kaggle: Path) -> None:
    (kaggle / "train" / "p1.tif").unlink()
    (kaggle / "train" / "p4.tif").unlink()
    with pytest.raises(DataError, match=r"2 of 6 patches .*the first is p1"):
        open_patches(kaggle)


def test_patch_without_a_split(with_splits: Path) -> None:
    write_rows(with_splits / "splits.csv", "id,split", ["train", "train", "train"])
    with pytest.raises(DataError, match=r"splits\.csv has no row for p3"):
        open_patches(with_splits)


def test_wrong_columns(kaggle: Path) -> None:
    write_rows(kaggle / "train_labels.csv", "name,label", [0])
    with pytest.raises(DataError, match=r"has the columns \['name', 'label'\]; it needs id and label"):
        open_patches(kaggle)


def test_no_rows(kaggle: Path) -> None:
    (kaggle / "train_labels.csv").write_text("id,label\n", encoding="utf-8")
    with pytest.raises(DataError, match="has no rows"):
        open_patches(kaggle)


def test_pcam_pictures_without_labels(tmp_path: Path) -> None:
    write_pcam(tmp_path, "test", [0])
    (tmp_path / PCAM_FILE.format(split="test", part="y")).unlink()
    with pytest.raises(DataError, match=r"split_test_x\.h5 is there without .*split_test_y\.h5"):
        open_patches(tmp_path)


def test_pcam_file_that_is_none(tmp_path: Path) -> None:
    write_pcam(tmp_path, "test", [0])
    (tmp_path / PCAM_FILE.format(split="test", part="x")).write_bytes(b"no HDF5")
    with pytest.raises(DataError, match="is not a PCam HDF5 file"):
        open_patches(tmp_path)


def test_pcam_file_without_its_table(tmp_path: Path) -> None:
    write_pcam(tmp_path, "test", [0])
    with h5py.File(tmp_path / PCAM_FILE.format(split="test", part="x"), "w") as file:
        file["pictures"] = np.zeros(3)
    with pytest.raises(DataError, match="is not a PCam HDF5 file"):
        open_patches(tmp_path)


def test_pcam_counts_that_disagree(tmp_path: Path) -> None:
    write_pcam(tmp_path, "train", [0, 1])
    with h5py.File(tmp_path / PCAM_FILE.format(split="train", part="y"), "w") as file:
        file["y"] = np.zeros((3, 1, 1, 1), dtype=np.uint8)
    with pytest.raises(DataError, match=r"has 2 patches and .* 3 labels"):
        open_patches(tmp_path)


def test_picture_files_of_files_and_folders(kaggle: Path) -> None:
    (kaggle / "train" / "notes.txt").write_text("not a picture", encoding="utf-8")
    found = picture_files([kaggle / "train" / "p3.tif", kaggle / "train"])
    assert [path.name for path in found] == ["p3.tif", *(f"p{i}.tif" for i in range(6))]
    with pytest.raises(ImageError, match="does not exist"):
        picture_files([kaggle / "p9.tif"])
    (kaggle / "empty").mkdir()
    with pytest.raises(ImageError, match="holds no pictures"):
        picture_files([kaggle / "empty"])


@pytest.mark.real_data
def test_real_set_where_there_is_one(hcd: PatchSet) -> None:
    assert len(hcd.split("train")) == 8000
    assert hcd.pixels(0).shape == (96, 96, 3)
