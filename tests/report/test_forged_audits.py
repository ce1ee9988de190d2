"""Forged bundles of an audit whose hashes and whose summary fit: each forgery is found, or named."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from snapgui.audit.rows import SCHEMA
from snapgui.audit.summary import summarise
from snapgui.engine.images import decode_pixels, encode_png
from snapgui.report.verify.checks import last_words
from snapgui.runs.picture_text import add_text, text_of

Files = dict[str, bytes]
COSTS = ("seconds_per_image", "image_steps")


@pytest.fixture(scope="session")
def files(audit_zip: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(audit_zip)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def table(files: Files, change: Callable[[pd.DataFrame], Any]) -> Files:
    """Another table."""
    rows = pq.read_table(io.BytesIO(files["rows.parquet"])).to_pandas()
    changed = change(rows)
    rows = rows if changed is None else changed
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(rows, schema=SCHEMA, preserve_index=False), stream)
    return {"rows.parquet": stream.getvalue()}


def summed(files: Files) -> Files:
    """The summary that follows from the table."""
    again = pq.read_table(io.BytesIO(files["rows.parquet"])).to_pandas()
    summary = json.loads(files["summary.json"])
    costs = {row["condition"]: {name: row[name] for name in COSTS} for row in summary["conditions"]}
    summary |= summarise(again)
    for row in summary["conditions"]:
        row |= costs.get(row["condition"], dict.fromkeys(COSTS, 0))
    return {"summary.json": json.dumps(summary).encode()}


def column(
    condition: str, name: str, value: Any, *, status: str = "measured", row: int = 0
) -> Callable[[Files], Files]:
    """A forger who writes a value into a row of a condition."""

    def change(rows: pd.DataFrame) -> None:
        here = rows.index[(rows["condition"] == condition) & (rows["status"] == status)]
        rows.loc[here[row], name] = value(rows.loc[here[row], name]) if callable(value) else value

    return lambda files: table(files, change)


def before(rows: pd.DataFrame) -> None:
    """One image was surer before than it was, in all its rows alike."""
    at = rows.loc[rows["status"] == "attacked", "position"].iloc[0]
    rows.loc[rows["position"] == at, "p_label_before"] = 0.9999
    rows.loc[(rows["position"] == at) & (rows["condition"] == "untouched"), "p_label_after"] = 0.9999


def less_seen(rows: pd.DataFrame) -> None:
    """Every picture of SNAP is nearer to the original than it is."""
    snap = rows["condition"] == "SNAP"
    rows.loc[snap, ["mean_de00_mask", "p95_de00_mask", "mean_de00_whole"]] *= 0.5


def weak_control(rows: pd.DataFrame) -> None:
    """A control that did less than it did."""
    here = rows["condition"] == "random colours"
    rows.loc[here, ["p_label_after", "flipped", "reached_goal"]] = [0.97, False, False]
    rows.loc[here, "predicted_after"] = rows.loc[here, "label"]


def about(files: Files, **values: Any) -> Files:
    manifest = json.loads(files["manifest.json"])
    return {
        "audit.json": json.dumps(json.loads(files["audit.json"]) | values).encode(),
        "manifest.json": json.dumps(manifest | {k: v for k, v in values.items() if k in manifest}).encode(),
    }


def first(files: Files, folder: str, number: int = 0) -> str:
    """The first picture of a folder, or a later one."""
    return sorted(name for name in files if name.startswith(folder) and "-mask" not in name)[number]


def repainted(files: Files) -> Files:
    name = first(files, "originals/")
    pixels = decode_pixels(files[name])
    pixels[0, 0] ^= 255
    return {name: add_text(encode_png(pixels), text_of(files[name]))}


# Forgeries that lie side by side in one bundle; each is found by its own sentence.
FOUND: dict[str, list[tuple[Callable[[Files], Files], str]]] = {
    "rows": [
        (column("SNAP", "flipped", lambda old: not old), "flipped contradicts predicted_after"),
        (
            column("SNAP", "predicted_after", lambda old: 1 - old, row=1),
            "predicted_after contradicts p_label_after",
        ),
        (
            column("median colour", "reached_goal", lambda old: not old),
            "reached_goal contradicts p_label_after",
        ),
        (column("sham", "p_label_before", 0.9), "is not that of the untouched image"),
        (column("one square", "p_label_after", 1.5), "p_label_after is no probability"),
        (column("untouched", "status", "wrong before", status="attacked"), "the status does not follow"),
        (column("SNAP", "label", 0, row=2), "an image has more than one label"),
        (column("median colour", "area", 0.4), "the area is not that of SNAP's cells"),
        (column("sham", "centre", "nowhere"), "the centre is neither open nor excluded"),
        (column("SNAP", "steps", 99), "steps and the step kept are beyond"),
        (column("SNAP", "mean_de00_mask", 0.1), "differs by more than in the mask"),
        (
            lambda f: table(f, lambda rows: rows.drop(rows.index[rows["condition"] == "real nuclei"][0])),
            "a condition lacks attacked images",
        ),
        (column("sham", "flipped", None, row=2), "flipped or reached_goal is not there"),
        (column("SNAP", "cells", None, row=3), "SNAP is not told how natural it is"),
        (column("sham", "psnr_whole_db", None, row=3), "a measure of visibility is out of its range"),
        (column("untouched", "steps", 3, status="attacked", row=1), "an untouched image has results"),
        (column("SNAP", "error", "none", row=1), "an error is told where there was none"),
        (column("SNAP", "split", "test", row=1), "the split is not train, which was asked for"),
        (column("random colours", "draw", 1), "a condition lacks attacked images or draws"),
    ],
    "before, of all rows": [(lambda f: table(f, before), "untouched, scored here")],
    "measured on the pictures": [
        (lambda f: table(f, less_seen), "measured again, mean_de00_mask"),
        (lambda f: table(f, weak_control), "random colours, made again: p_label_after differ"),
        (column("SNAP", "beyond_stains", lambda old: old / 2), "beyond_stains differ"),
    ],
    "the record": [
        (lambda f: about(f, classes=["benign", "tumour"]), "others are stated"),
        (
            lambda f: about(
                f,
                settings=json.loads(f["audit.json"])["settings"]
                | {"attack": json.loads(f["audit.json"])["settings"]["attack"] | {"steps": 50}},
            ),
            "texts inside pictures contradict audit.json",
        ),
        (lambda f: {"audit.json": about(f, started="2020-01-01")["audit.json"]}, "data, started, shards"),
        (lambda f: about(f, images=500), "not every image has one row of its own"),
        (repainted, "pixels outside the mask were changed"),
    ],
    "files": [
        (lambda f: {"pictures/extra.png": b"x"}, "pictures/extra.png is no file of such"),
        (lambda f: {first(f, "pictures/"): None}, ".png is missing from the bundle"),
        (
            lambda f: {first(f, "pictures/", 1).replace(".png", "-mask.png"): None},
            "-mask.png is missing from the bundle",
        ),
    ],
}


@pytest.mark.parametrize("forgeries", FOUND)
def test_forgeries_are_found_though_the_hashes_fit(forgeries, audit_zip, files, verify, repack) -> None:
    changed: dict[str, Any] = {}
    for change, _ in FOUND[forgeries]:
        changed |= change({name: data for name, data in (files | changed).items() if data is not None})
    if "rows.parquet" in changed:
        changed |= summed(files | changed)
    said = "\n".join(str(one) for one in verify(repack(audit_zip, changed)) if one.state == "fails")
    for _, sentence in FOUND[forgeries]:
        assert sentence in said, said


def test_an_audit_holds_and_what_it_cannot_show_is_named(audit_zip, files, verify, repack) -> None:
    checks = verify(repack(audit_zip, about(files, approved=True)))
    assert not [str(one) for one in checks if one.state in ("fails", "unchecked")]
    said = "\n".join(map(str, checks))
    for words in (
        "none of the",
        "visibility and naturalness of 8 of 8 pictures are as stated within one cell and 0.001",
        "controls of 8 pictures, made again, are as stated",
        "not checked:   data, labels, ids, splits, fingerprint",
        "the pictures of SNAP, centre excluded, real nuclei, one square",
        "approved: this version knows no such fields",
    ):
        assert words in said, said
    assert last_words(checks).startswith("Everything holds.")


def test_an_audit_whose_data_are_gone_says_what_is_not_measured_again(
    files, verify, repack, audit_zip
) -> None:
    gone: dict[str, Any] = {name: None for name in files if name.startswith("originals/")}
    checks = verify(repack(audit_zip, gone))
    assert not [str(one) for one in checks if one.state in ("fails", "unchecked")]
    assert "controls of 8 pictures, whose untouched image is not in the bundle" in "\n".join(map(str, checks))
