"""What the operating system refuses, or names strangely, is one sentence or does no harm."""

import errno
import os
import sys

import numpy as np
import pandas as pd
import pytest

from snapgui import cli
from snapgui.audit import store
from snapgui.audit.rows import to_csv, to_parquet
from snapgui.data.folders import open_class_folders
from snapgui.data.predictions import predictions_csv
from snapgui.engine.images import encode_png
from snapgui.errors import DataError, refused
from snapgui.ui.parts.text import plain
from snapgui.words import as_text

STRANGE = os.fsdecode(b"cell \xff.png")


def one_sentence(capsys: pytest.CaptureFixture[str], words: str) -> None:
    said = capsys.readouterr().err
    assert words in said and said.startswith("snap: ") and said.count("\n") == 1


def test_a_full_disk_at_an_audits_last_step_is_a_sentence(tmp_path, monkeypatch) -> None:
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "00000.parquet").write_bytes(to_parquet([]))

    class Full:
        def __init__(self, *args: object, **named: object) -> None:
            raise OSError(errno.ENOSPC, "Error writing bytes to file. Detail: [errno 28]\nmore")

    monkeypatch.setattr(store.pq, "ParquetWriter", Full)
    with pytest.raises(
        DataError, match=r"cannot be written \(No space left on device\)\. Free space"
    ) as told:
        store.combine(tmp_path, [0])
    assert "\n" not in str(told.value) and not list(tmp_path.glob("*rows*"))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/data/x"), "Permission denied: /data/x. Check"),
        (OSError(errno.EROFS, "Read-only file system", "/cd/run"), "Read-only file system: /cd/run. Check"),
        (OSError(errno.ENOSPC, "full"), "No space left on device. Check"),
        (OSError("no number"), "no number. Check"),
    ],
)
def test_what_the_system_refuses_is_one_sentence_of_every_command(
    error: OSError, words: str, tmp_path, monkeypatch, capsys
) -> None:
    def refuse(*args: object, **named: object) -> None:
        raise error

    monkeypatch.setattr("snapgui.commands.verify.verify_bundle", refuse)
    (tmp_path / "b.zip").write_bytes(b"PK")
    assert cli.main(["verify", str(tmp_path / "b.zip")]) == 2
    one_sentence(capsys, words)
    assert refused(error) + ". Check" == words


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have names in Unicode")
def test_a_name_that_is_no_text_is_read_and_written_with_a_sign(tmp_path, tissue) -> None:
    for name in ("normal", "metastasis"):
        (tmp_path / name).mkdir()
        (tmp_path / name / STRANGE).write_bytes(encode_png(tissue))
    patches = open_class_folders(tmp_path)
    assert all(name.encode() and "\ufffd" in name for name in patches.ids)
    assert (patches.pixels(0) == tissue).all()
    table = predictions_csv([as_text(tmp_path / STRANGE)], np.array([[0.2, 0.8]]), ["normal", "=1+1"])
    assert table.encode().decode().count("\ufffd") >= 1 and table.splitlines()[1].endswith(",'=1+1")
    assert plain(f"{STRANGE} is damaged.").encode()


def test_a_file_whose_name_begins_as_a_formula_is_defused() -> None:
    table = predictions_csv(["=cmd|x.png", "a.png"], np.array([[0.2, 0.8], [0.9, 0.1]]), ["a", "b"])
    assert [row.split(",")[0] for row in table.splitlines()] == ["file", "'=cmd|x.png", "a.png"]


def test_a_name_that_begins_as_a_formula_is_defused_in_an_audits_table() -> None:
    rows = pd.DataFrame(
        {"position": [0, 1], "id": ["=1+1", "a"], "split": ["@x", None], "p_label_after": [-0.5, 1]}
    )
    assert to_csv(rows).splitlines()[1:] == ["0,'=1+1,'@x,-0.5", "1,a,,1.0"]


def test_an_error_is_one_line_whatever_a_file_holds() -> None:
    said = str(DataError("labels.csv gives “a\nb\x1b[2J\u202e” the label “\udcff”. Correct it."))
    assert said == "labels.csv gives “a\ufffdb\ufffd[2J\ufffd” the label “\ufffd”. Correct it."
