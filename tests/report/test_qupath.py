"""Cells and altered pixels of an audit and of a run as QuPath opens them."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from snapgui import cli
from snapgui.audit.read import read_finished
from snapgui.engine.cells.outlines import read_mask
from snapgui.engine.images import decode_pixels
from snapgui.report.audit.qupath import audit_geojson


def marked(data: bytes, kind: str, shape: tuple[int, int]) -> np.ndarray:
    features = json.loads(data)["features"]
    own = [one for one in features if one["properties"]["classification"]["name"] == kind]
    return read_mask(json.dumps({"type": "FeatureCollection", "features": own}).encode(), shape=shape)


def test_an_audit_gives_each_picture_with_its_cells_and_altered_pixels(audit_folder: Path) -> None:
    audit = read_finished(audit_folder)
    names = sorted(audit.rows["picture"].dropna().unique())
    with zipfile.ZipFile(io.BytesIO(audit_geojson(audit))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert len(files) == 3 * len(names)
    for name in names:
        stem = next(one for one in files if one.startswith(name.removesuffix(".png"))).removesuffix(".png")
        after, before = decode_pixels(files[f"{stem}.png"]), decode_pixels(files[f"{stem}-before.png"])
        mask = read_mask(
            (audit_folder / "pictures" / name.replace(".png", "-mask.png")).read_bytes(), shape=(96, 96)
        )
        assert (marked(files[f"{stem}.geojson"], "cell", (96, 96)) == mask).all()
        assert (marked(files[f"{stem}.geojson"], "altered", (96, 96)) == (before != after).any(axis=2)).all()
    chosen = zipfile.ZipFile(io.BytesIO(audit_geojson(audit, pictures=names[:2]))).namelist()
    assert len(chosen) == 6


@pytest.mark.parametrize(("source", "end"), [("audit_folder", "geojson.zip"), ("run_folder", "geojson")])
def test_the_end_of_a_name_asks_for_them(source: str, end: str, request, tmp_path: Path, capsys) -> None:
    out = tmp_path / f"cells.{end}"
    assert (
        cli.main(["report", str(request.getfixturevalue(source)), "--out", str(out)]) == 0
        and out.stat().st_size
    )
    other = tmp_path / f"cells.{'geojson' if end == 'geojson.zip' else 'geojson.zip'}"
    assert cli.main(["report", str(request.getfixturevalue(source)), "--out", str(other)]) == 2
    assert f"makes no .{other.name.removeprefix('cells.')}; it makes .html" in capsys.readouterr().err
