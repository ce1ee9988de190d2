"""Runs, audits and bundles gone wrong: a sentence, or what can be shown; a changed bundle does not hold."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapgui.audit import words
from snapgui.audit.read import read_finished
from snapgui.audit.shown.cohorts import by_slide, by_sureness
from snapgui.audit.shown.tiles import SORTS, tiles_of
from snapgui.errors import DataError
from snapgui.report.bundle.manifest import MANIFEST, SUMS
from snapgui.report.verify.bundle import verify_bundle
from snapgui.report.verify.checks import last_words
from snapgui.runs.files import result_json
from snapgui.runs.methods import run_methods
from snapgui.runs.records import RunResult
from snapgui.runs.shelf.labels import read_label
from snapgui.runs.store import list_runs, load_run, run_folder, save_run
from snapgui.runs.verdict import control_words, verdict
from tests.fuzz.mutations import as_json, bounded, changed, damaged

PICTURES = ("original.png", "adversarial.png", "mask.png")


@bounded("runs")
@given(data=st.data())
def test_a_damaged_run_is_refused_or_can_be_shown(door, run_result: RunResult, data: st.DataObject) -> None:
    folder = run_folder(run_result.run_id)
    shutil.rmtree(folder, ignore_errors=True)
    save_run(run_result, folder)
    name = data.draw(st.sampled_from(("result.json",) * 6 + ("curve.csv", "label.json", *PICTURES)))
    path = folder / name
    if name == "result.json":
        path.write_bytes(data.draw(as_json(json.loads(path.read_bytes()))))
    elif name == "label.json":
        path.write_bytes(data.draw(as_json({"name": "mine", "tags": ["a", "b"]})))
    else:
        harm = data.draw(st.sampled_from(("bytes", "bytes", "gone", "other", "folder")))
        whole = path.read_bytes()
        path.unlink()
        if harm == "bytes":
            path.write_bytes(data.draw(damaged(whole)))
        elif harm == "other":
            rest = sorted(one.name for one in folder.iterdir())
            shutil.copy(folder / data.draw(st.sampled_from(rest)), path)
        elif harm == "folder":
            path.mkdir()
    with door():
        listed = list_runs()
        read_label(folder)
        assert len(listed) <= 1
    with door():
        result = load_run(run_result.run_id)
        assert verdict(result) and isinstance(control_words(result), str) and run_methods(result)
        json.dumps(result_json(result), allow_nan=False)


def parquet(rows: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), stream)
    return stream.getvalue()


@st.composite
def other_rows(draw: st.DrawFn, rows: pd.DataFrame) -> bytes:
    """A table with a column gone, renamed, of another type, or of other values."""
    name = draw(st.sampled_from(list(rows.columns)))
    how = draw(
        st.sampled_from(
            ("gone", "renamed", "text", "empty", "huge", "nan", "negative", "none left", "twice", "one")
        )
    )
    changes: dict[str, Callable[[], pd.DataFrame]] = {
        "gone": lambda: rows.drop(columns=name),
        "renamed": lambda: rows.rename(columns={name: f"{name} "}),
        "text": lambda: rows.assign(**{name: "x"}),
        "empty": lambda: rows.assign(**{name: None}),
        "huge": lambda: rows.assign(**{name: 1e300}),
        "nan": lambda: rows.assign(**{name: np.nan}),
        "negative": lambda: rows.assign(**{name: -1}),
        "none left": lambda: rows.iloc[:0],
        "twice": lambda: pd.concat([rows, rows]),
        "one": lambda: rows.iloc[:1],
    }
    return parquet(changes[how]())


@pytest.fixture(scope="module")
def copied(audit_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(audit_folder, tmp_path_factory.mktemp("audits") / audit_folder.name))


@bounded("audits")
@given(data=st.data())
def test_a_damaged_audit_is_refused_or_can_be_shown(
    door, audit_folder: Path, copied: Path, data: st.DataObject
) -> None:
    for path in audit_folder.glob("*.*"):
        shutil.copy(path, copied)
    name = data.draw(st.sampled_from(("audit.json", "summary.json", "rows.parquet")))
    path = copied / name
    if name == "rows.parquet" and data.draw(st.booleans()):
        path.write_bytes(data.draw(other_rows(pd.read_parquet(path))))
    elif name == "rows.parquet":
        path.write_bytes(data.draw(damaged(path.read_bytes())))
    else:
        path.write_bytes(data.draw(as_json(json.loads(path.read_bytes()))))
    with door():
        audit = read_finished(copied)
        assert words.headline(audit) and words.table_text(audit) and words.beside(audit)
        tiles = tiles_of(audit)
        for key in SORTS.values():
            sorted(tiles, key=key)
        assert all(one.name for one in (*by_slide(tiles), *by_sureness(tiles)))


@pytest.fixture(scope="module")
def run_files(run_zip: bytes) -> dict[str, bytes]:
    """The files of a run's bundle, without what lists them."""
    with zipfile.ZipFile(io.BytesIO(run_zip)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name not in (MANIFEST, SUMS)}


@st.composite
def changed_files(draw: st.DrawFn, files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a bundle with one of them changed, gone, taken for another, or one more."""
    name = draw(st.sampled_from(sorted(files)))
    harm = draw(st.sampled_from(("bytes", "gone", "swapped", "added", "emptied")))
    if harm == "bytes" and name.endswith(".json"):
        return files | {name: json.dumps(draw(changed(json.loads(files[name])))).encode()}
    if harm == "bytes":
        return files | {name: draw(damaged(files[name]))}
    if harm == "gone":
        return {one: data for one, data in files.items() if one != name}
    if harm == "swapped":
        other = draw(st.sampled_from(sorted(files)))
        return files | {name: files[other], other: files[name]}
    return files | {name if harm == "emptied" else "more.txt": b""}


@bounded("bundles")
@given(data=st.data())
def test_a_bundle_that_was_changed_does_not_hold(
    door,
    run_files: dict[str, bytes],
    repack: Any,
    run_zip: bytes,
    tiny_victim: Any,
    tmp_path: Path,
    data: st.DataObject,
) -> None:
    path = tmp_path / "bundle.zip"
    if data.draw(st.integers(0, 3)):
        files = data.draw(changed_files(run_files))
        gone: dict[str, bytes | None] = dict.fromkeys(set(run_files) - set(files))
        # Who changes a file can make the hashes fit.
        path.write_bytes(repack(run_zip, files | gone, honest=data.draw(st.booleans())))
    else:
        path.write_bytes(data.draw(damaged(run_zip)))
        files = None
    found = None
    with door():
        found = list(verify_bundle(path, lambda digest: tiny_victim))
        assert last_words(found)
    if found is not None and path.read_bytes() != run_zip and files != run_files:
        assert any(one.state != "holds" for one in found)


@pytest.mark.parametrize(
    "place", [("before", "accuracy", "share"), ("conditions", 0, "medians", "area"), ("paper",)]
)
@pytest.mark.parametrize("value", [{}, "x", 10**400, [1]])
def test_a_summary_of_another_kind_is_a_sentence(
    audit_folder: Path, copied: Path, place: tuple[Any, ...], value: Any
) -> None:
    summary = json.loads((audit_folder / "summary.json").read_bytes())
    inside = summary
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    for name in ("audit.json", "rows.parquet"):
        shutil.copy(audit_folder / name, copied)
    (copied / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    with pytest.raises(DataError, match="lacks numbers"):
        read_finished(copied)


def test_a_count_without_end_is_a_sentence(audit_folder: Path, copied: Path) -> None:
    about = json.loads((audit_folder / "audit.json").read_bytes()) | {"images": float("inf")}
    (copied / "audit.json").write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(DataError, match=r"audit\.json is damaged"):
        read_finished(copied)


def test_a_curve_with_an_endless_field_is_a_sentence(run_result: RunResult) -> None:
    folder = run_folder(run_result.run_id)
    save_run(run_result, folder)
    with (folder / "curve.csv").open("a", encoding="utf-8") as file:
        file.write('"' + "x" * 200_000)
    with pytest.raises(DataError, match="field larger than field limit"):
        load_run(run_result.run_id)
