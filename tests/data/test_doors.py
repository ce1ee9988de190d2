"""Data sets as people have them, good and bad: understood, or refused with one sentence before any work."""

import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from snapgui.data import datasets
from snapgui.data.datasets import PCAM_FILE, is_data_set, open_patches, picture_files
from snapgui.data.duplicates import duplicate_words, signature
from snapgui.data.predictions import predict_files
from snapgui.engine.cells.outlines import load_mask
from snapgui.errors import DataError, ImageError, MaskError
from snapgui.study.pictures.pairs import material_from_pairs
from snapgui.study.records import StudyError

PIXELS = np.zeros((3, 96, 96, 3), dtype=np.uint8)


def picture(path: Path, value: int = 90, size: int = 96) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size, size), (value, 120, 200)).save(path)
    return path


def pcam(folder: Path, x: object, y: object = (0, 1, 1)) -> Path:
    for part, content in (("x", x), ("y", y)):
        with h5py.File(folder / PCAM_FILE.format(split="test", part=part), "w") as file:
            if isinstance(content, dict):
                file.create_dataset(part, **content)
            elif content is None:
                file.create_group(part)
            else:
                file[part] = content
    return folder


@pytest.mark.parametrize(
    "x",
    [
        PIXELS.astype(np.float32),
        PIXELS.astype(np.uint16),
        np.full(PIXELS.shape, np.nan),
        PIXELS.transpose(0, 3, 1, 2),
        PIXELS[..., 0],
        PIXELS[..., :1],
        np.zeros((3, 96, 96, 4), dtype=np.uint8),
        PIXELS.reshape(3, -1),
        np.uint8(3),
        None,
        np.zeros((3, 224, 224, 3), dtype=np.uint8),
        np.array(["a", "b", "c"], dtype=h5py.string_dtype()),
    ],
    ids=lambda x: "group" if x is None else f"{x.shape} {x.dtype}",
)
def test_pcam_pictures_of_another_form_are_refused(tmp_path: Path, x: object) -> None:
    with pytest.raises(DataError, match=r"pictures are needed as \(N, 96, 96, 3\) and uint8"):
        open_patches(pcam(tmp_path, x))


def test_pcam_on_paper_is_refused_before_it_is_read(tmp_path: Path) -> None:
    shape = (4_350_000, 96, 96, 3)
    for chunks in (None, (64, 96, 96, 3)):
        x = {"shape": shape, "dtype": "u1", "chunks": chunks}
        y = {"shape": shape[:1], "dtype": "u1"}
        with pytest.raises(DataError, match=r"promises 4,350,000 patches \(112\.0 GiB\), .* holds 0%"):
            open_patches(pcam(tmp_path, x, y))


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        ((-1, 1, 1), "gives patch 0 the label -1"),
        ((0, 1, 2), "gives patch 2 the label 2"),
        ((0, 0.6, 1), "gives patch 1 the label 0.6"),
        ((0, 1, np.nan), "gives patch 2 the label nan"),
        (np.array(["0", "1", "1"], dtype=h5py.string_dtype()), "labels are numbers"),
        (None, "is a group"),
        ((0, 1), "has 3 patches and .* 2 labels"),
        ({"shape": (3 * 10**12,), "dtype": "u1", "chunks": (1024,)}, "they must agree"),
    ],
)
def test_pcam_labels_that_are_none_are_refused(tmp_path: Path, y: object, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        open_patches(pcam(tmp_path, PIXELS, y))


def test_pcam_labels_may_be_of_any_number_type_and_shape(tmp_path: Path) -> None:
    for y in (np.array([0.0, 1, 1]), np.array([[0], [1], [1]], dtype=bool)):
        assert open_patches(pcam(tmp_path, PIXELS, y)).labels.tolist() == [0, 1, 1]


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        picture(tmp_path / "train" / f"{name}.png")
    (tmp_path / "train_labels.csv").write_text("id,label\na,0\nb,1\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_labels_are_read_in_the_encodings_of_spreadsheets(kaggle: Path, encoding: str) -> None:
    picture(kaggle / "train" / "ä.png")
    (kaggle / "train_labels.csv").write_text("id,label\na,0\nb,1.0\nä,1\n", encoding=encoding)
    patches = open_patches(kaggle)
    assert patches.ids == ("a", "b", "ä") and patches.labels.tolist() == [0, 1, 1]
    assert bool(patches.sample(1).remarks) == (encoding == "latin-1"), "what is not sure is said"


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("a,-1\nb,1\n", "gives a the label “-1”"),
        ("a,0.6\nb,1\n", "gives a the label “0.6”"),
        ("a,nan\nb,1\n", "gives a the label “nan”"),
        ("a\nb,1\n", "gives a the label “”"),
        ("", "has no rows"),
        ("a,0\nb,1\na,1\n", "gives a twice, with the label “0” and “1”"),
        ("a,0\n" + "b" * 200_000 + ",1\n", r"is not a table of labels \(field larger"),
    ],
)
def test_labels_that_do_not_hold_together_are_refused(kaggle: Path, rows: str, sentence: str) -> None:
    (kaggle / "train_labels.csv").write_text("id,label\n" + rows, encoding="utf-8")
    with pytest.raises(DataError, match=sentence):
        open_patches(kaggle)


def test_a_column_that_is_there_twice_is_refused(kaggle: Path) -> None:
    """The last one counted, and labels were the other way round."""
    (kaggle / "train_labels.csv").write_text("id,label,label\na,0,1\nb,1,0\n", encoding="utf-8")
    with pytest.raises(DataError, match="has the column label more than once"):
        open_patches(kaggle)


def test_rows_of_nothing_but_commas_are_left_out(kaggle: Path) -> None:
    (kaggle / "train_labels.csv").write_text("id,label\na,0\nb,1\n,\n,\n", encoding="utf-8")
    assert open_patches(kaggle).ids == ("a", "b")


def test_two_pictures_of_one_name_are_refused(kaggle: Path) -> None:
    picture(kaggle / "patches" / "a.tif")
    with pytest.raises(DataError, match=r"a\.png in train and a\.tif in patches have one name"):
        open_patches(kaggle)


def test_a_folder_or_a_pipe_of_a_picture_s_name_is_left_out_beside_the_picture(tmp_path: Path) -> None:
    for place in ("train", "untouched", "altered"):
        picture(tmp_path / place / "a.tif")
        (tmp_path / place / "a.jpg").mkdir()
        os.mkfifo(tmp_path / place / "a.png")
        (tmp_path / place / "a.webp").symlink_to(tmp_path / "nowhere.webp")
    (tmp_path / "train_labels.csv").write_text("id,label\na,1\n", encoding="utf-8")
    patches = open_patches(tmp_path)
    assert patches.pixels(0).shape == (96, 96, 3)
    for name in ("a.jpg", "a.png", "a.webp"):
        assert any(remark.startswith(f"{name} in train is no file") for remark in patches.remarks)
    shutil.rmtree(tmp_path / "train")
    material = material_from_pairs(tmp_path)
    assert material.names == ("a",)
    assert any("a.png in altered is no file" in remark for remark in material.remarks)
    (tmp_path / "labels.csv").write_text("name,label\na.tif,0\na,1\n", encoding="utf-8")
    with pytest.raises(StudyError, match="gives a two labels"):
        material_from_pairs(tmp_path)
    (tmp_path / "labels.csv").write_text("name;label\na;1.0\n", encoding="utf-8")
    (tmp_path / "__MACOSX").mkdir()
    assert material_from_pairs(tmp_path).truths == (1,)


@pytest.mark.parametrize("comma", [";", "\t"])
def test_labels_of_other_spreadsheets_are_read(kaggle: Path, comma: str) -> None:
    """Semicolons or tabs, blanks around names, ids with the ending of their file."""
    text = "\ufeffid , label\na.png,0\nb ,1\n".replace(",", comma)
    (kaggle / "train_labels.csv").write_text(text, encoding="utf-8")
    patches = open_patches(kaggle)
    assert patches.ids == ("a", "b") and patches.labels.tolist() == [0, 1]
    (kaggle / "train_labels.csv").write_text("id,label\na.png,0\na,1\n", encoding="utf-8")
    with pytest.raises(DataError, match="gives a twice"):
        open_patches(kaggle)
    (kaggle / "train_labels.csv").write_text("id,label\na,0\nb,1\n", encoding="utf-8")
    (kaggle / "splits.csv").write_text("id;split\na.png;val\nb;\n", encoding="utf-8")
    with pytest.raises(DataError, match="an empty split for b"):
        open_patches(kaggle)


def test_letters_with_marks_are_the_same_in_one_part_or_two(kaggle: Path) -> None:
    """macOS writes the file's name in two parts, a table holds it in one."""
    picture(kaggle / "train" / "o\u0308.png", 33)
    (kaggle / "train_labels.csv").write_text("id,label\n\u00f6,1\n", encoding="utf-8")
    patches = open_patches(kaggle)
    assert patches.ids == ("\u00f6",) and patches.pixels(0)[0, 0, 0] == 33


def test_what_hdf5_would_fill_with_zeros_is_refused(tmp_path: Path) -> None:
    """Labels that were never written read as normal, parts of other files that are gone as black."""
    with h5py.File(pcam(tmp_path, PIXELS) / PCAM_FILE.format(split="test", part="y"), "w") as file:
        file.create_dataset("y", (3,), "u1")
    with pytest.raises(DataError, match="y in .* promises 3 labels .* holds 0%"):
        open_patches(tmp_path)
    pcam(tmp_path, None)
    with h5py.File(tmp_path / PCAM_FILE.format(split="test", part="x"), "w") as file:
        layout = h5py.VirtualLayout(PIXELS.shape, "u1")
        layout[:] = h5py.VirtualSource("gone.h5", "x", PIXELS.shape)
        file.create_virtual_dataset("x", layout)
    with pytest.raises(DataError, match="x in .* lies in other files"):
        open_patches(tmp_path)


def test_what_was_guessed_of_deep_pictures_is_said(tmp_path: Path, linear_victim) -> None:
    values = np.full((96, 96), 900, dtype=np.uint16)
    (tmp_path / "train").mkdir()
    Image.fromarray(values).save(tmp_path / "train" / "a.png")
    (tmp_path / "train_labels.csv").write_text("id,label\na,1\n", encoding="utf-8")
    said = "a.png does not say which of its values is white; the brightest is 900, so 1,023 was taken"
    patches = open_patches(tmp_path)
    assert said in patches.remarks[0] and (patches.pixels(0) == 224).all()
    _, _, _, told = predict_files(linear_victim(), [tmp_path / "train" / "a.png"] * 3)
    assert said in told[0] and told[0].endswith("So it is with 2 more, each by itself.")


def test_an_unreadable_folder_is_a_sentence(kaggle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(datasets, "_opener_of", refuse)
    with pytest.raises(DataError, match="Permission denied"):
        open_patches(kaggle)
    monkeypatch.setattr(datasets, "pictures_in", refuse)
    with pytest.raises(ImageError, match="Permission denied"):
        picture_files([kaggle])


@pytest.mark.parametrize(
    "names", [("normal", "metastasis"), ("Normal", "Tumor"), ("0", "1"), ("non_tumor", "tumor")]
)
def test_a_folder_for_each_class_is_understood(tmp_path: Path, names: tuple[str, str]) -> None:
    for label, name in enumerate(names):
        picture(tmp_path / name / "x.png", 50 + label)
        picture(tmp_path / name / "._x.png", 50 + label)
    patches = open_patches(tmp_path)
    assert is_data_set(tmp_path)
    assert dict(zip(patches.ids, patches.labels.tolist(), strict=True)) == {
        f"{names[0]}/x.png": 0,
        f"{names[1]}/x.png": 1,
    }
    assert [int(patches.pixels(i)[0, 0, 0]) - 50 for i in range(2)] == patches.labels.tolist()
    assert bool(patches.remarks) == (names != ("normal", "metastasis"))


def test_class_folders_in_splits_are_understood(tmp_path: Path) -> None:
    for split, count in (("train", 2), ("val", 1)):
        for name in ("metastasis", "normal"):
            for number in range(count):
                picture(tmp_path / split / name / f"{number}.png")
    patches = open_patches(tmp_path)
    assert patches.splits == ("train",) * 4 + ("val",) * 2
    assert patches.split("val").labels.tolist() == [0, 1]


def test_a_class_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    """All patches were of one class, without a word."""
    picture(tmp_path / "tumor" / "x.png")
    picture(tmp_path / "normal" / "slide_1" / "x.png")
    with pytest.raises(DataError, match="The class folder normal in .* holds no pictures"):
        open_patches(tmp_path)


def test_folders_beside_the_classes_are_said_or_hidden(tmp_path: Path) -> None:
    for place in ("train/normal", "train/metastasis", "test/metastasis", "__MACOSX/train"):
        picture(tmp_path / place / "x.png")
    picture(tmp_path / "train" / "__MACOSX" / "x.png")
    patches = open_patches(tmp_path)
    assert len(patches) == 2 and patches.remarks == (
        "Left out, since not both classes have a folder there: test.",
    )


def test_folders_of_other_names_are_no_classes(tmp_path: Path) -> None:
    for names in (("normal", "masks"), ("normal", "tumor", "other"), ("a", "b")):
        place = tmp_path / "_".join(names)
        for name in names:
            picture(place / name / "x.png")
        assert not is_data_set(place)


def test_the_layout_of_wilds_is_understood(tmp_path: Path) -> None:
    rows = [("004", 4, 3328, 21792, 1, 0, 0), ("010", 0, 32, 64, 0, 1, 0), ("020", 1, 96, 0, 1, 2, 1)]
    text = ",patient,node,x_coord,y_coord,tumor,slide,center,split\n"
    for index, (patient, node, x, y, tumor, centre, split) in enumerate(rows):
        text += f"{index},{patient},{node},{x},{y},{tumor},0,{centre},{split}\n"
        name = f"patch_patient_{patient}_node_{node}_x_{x}_y_{y}.png"
        picture(tmp_path / "patches" / f"patient_{patient}_node_{node}" / name)
    (tmp_path / "metadata.csv").write_text(text, encoding="utf-8")
    patches = open_patches(tmp_path)
    assert patches.labels.tolist() == [1, 0, 1] and patches.splits == ("train", "val", "test")
    assert patches.pixels(2).shape == (96, 96, 3)
    header, first, others = text.split("\n", 2)
    text = f"{header}\n{first.rpartition(',')[0]},\n{others}"
    (tmp_path / "metadata.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"metadata\.csv has an empty split for patch_"):
        open_patches(tmp_path)


def bad_neighbours(folder: Path) -> Path:
    """A good picture with all that may lie beside it."""
    good = picture(folder / "good.png")
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "dangling.png").symlink_to(folder / "nowhere.png")
    (folder / "folder.png").mkdir()
    (folder / "._good.png").write_bytes(b"resource fork")
    picture(folder / "large.png", size=224)
    # Whoever opens it waits for ever.
    os.mkfifo(folder / "pipe.png")
    return good


def test_one_bad_file_does_not_end_a_prediction(tmp_path: Path, linear_victim) -> None:
    good = bad_neighbours(tmp_path)
    files = picture_files([tmp_path, tmp_path / "dangling.png"])
    read, p, refused, told = predict_files(linear_victim(), files)
    assert read == [good] and p.shape == (1, 2)
    assert len(told) == 1 and told[0].startswith("good.png shows ") and "not tissue" in told[0]
    named = " ".join(refused)
    assert len(refused) == 6
    for name in ("broken.png", "dangling.png", "folder.png", "large.png", "pipe.png"):
        assert name in named
    with pytest.raises(ImageError, match=r"large\.png is 224 x 224 px"):
        predict_files(linear_victim(), [tmp_path / "large.png"])


def test_one_bad_file_does_not_end_a_data_set(tmp_path: Path) -> None:
    bad_neighbours(tmp_path / "train")
    names = ("good", "broken", "dangling", "folder", "pipe")
    rows = "".join(f"{name},1\n" for name in names)
    (tmp_path / "train_labels.csv").write_text("id,label\n" + rows, encoding="utf-8")
    patches = open_patches(tmp_path)
    assert patches.pixels(0).shape == (96, 96, 3)
    for index in range(1, len(names)):
        with pytest.raises(ImageError, match=names[index]):
            patches.pixels(index)


def test_one_bad_file_does_not_end_the_pairs_of_a_study(tmp_path: Path) -> None:
    bad_neighbours(tmp_path / "untouched")
    for name in ("good", "broken", "large"):
        picture(tmp_path / "altered" / f"{name}.png", 91)
    material = material_from_pairs(tmp_path)
    assert material.names == ("broken", "good", "large")
    assert all(any(name in remark for remark in material.remarks) for name in ("dangling", "folder", "pipe"))


def test_a_pipe_is_no_mask(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(MaskError, match="not a file but a folder or a device"):
        load_mask(tmp_path / "pipe.png", shape=(96, 96))


def test_larger_patches_are_refused_by_an_audit_as_by_a_prediction(tmp_path: Path, linear_victim) -> None:
    from snapgui.audit.plan import plan_audit
    from snapgui.audit.settings import AuditSettings

    for name in ("a", "b"):
        picture(tmp_path / "train" / f"{name}.png", size=224)
    (tmp_path / "train_labels.csv").write_text("id,label\na,0\nb,1\n", encoding="utf-8")
    with pytest.raises(DataError, match="patches are 224 x 224 px .*a model reads 96 x 96 px"):
        plan_audit(linear_victim(), tmp_path, AuditSettings())


def test_patches_that_show_the_same_are_counted() -> None:
    generator = torch.Generator().manual_seed(0)
    tissue = [
        torch.nn.functional.interpolate(torch.rand(1, 3, 24, 24, generator=generator), size=96)[0]
        .mul(255)
        .byte()
        .permute(1, 2, 0)
        .numpy()
        for _ in range(3)
    ]
    glass = np.full((96, 96, 3), 240, dtype=np.uint8)
    brighter = np.minimum(tissue[0].astype(int) + 5, 255).astype(np.uint8)
    pictures = [*tissue, glass, glass, brighter]
    signatures = [signature(pixels) for pixels in pictures]
    ids, labels = ("a", "b", "c", "d", "e", "f"), np.array([0, 1, 1, 0, 0, 1])
    said = duplicate_words(ids, labels, signatures)
    assert "1 patch shows nearly the same" in said and "1 of them with another label" in said
    assert "f as a" in said
    assert duplicate_words(ids[:5], labels[:5], signatures[:5]) == ""
