import io
import json
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from snapgui.audit.read import read_finished
from snapgui.engine.images import decode_pixels
from snapgui.report.audit.bundle import audit_bundle
from snapgui.report.bundle.manifest import MANIFEST, NOTICE, SUMS, read_sums
from snapgui.report.run.bundle import bundle_zip
from snapgui.report.run.figure import figure_png, figure_svg
from snapgui.report.study.bundle import study_bundle
from snapgui.report.verify.bundle import check_files
from snapgui.runs.picture_text import add_text
from snapgui.runs.records import RunResult
from snapgui.runs.store import read_run
from snapgui.study.pictures.stimuli import make_stimuli, source_from_run
from snapgui.study.records import SNAP, UNTOUCHED, StudyError


def unpack(data: bytes, folder: Path) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(folder)
        return archive.namelist()


def text_of(data: bytes) -> dict[str, str]:
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return dict(picture.text)


def check_sums(folder: Path) -> subprocess.CompletedProcess:
    program = shutil.which("sha256sum")
    assert program, "sha256sum is a part of every Linux"
    return subprocess.run(
        [program, "-c", "--strict", "SHA256SUMS"], cwd=folder, capture_output=True, text=True
    )


@pytest.mark.parametrize("values", [{"tool": "Another"}, {"tool": None}, {"notice": "For diagnosis."}])
def test_every_bundle_is_of_this_tool_and_says_what_it_is_for(values, run_zip) -> None:
    with zipfile.ZipFile(io.BytesIO(run_zip)) as archive:
        manifest, sums = json.loads(archive.read(MANIFEST)), read_sums(archive.read(SUMS))
        same, other = (
            [str(one) for one in check_files(archive, archive.namelist(), sums, manifest | changed)]
            for changed in ({}, values)
        )
    assert other[:-2] == same[:-1][:1] and "another tool or another notice" in other[-2]


def test_a_runs_bundle_is_checked_by_sha256sum(run_zip, run_result, tmp_path) -> None:
    names = unpack(run_zip, tmp_path)
    assert names == [
        "original.png",
        "adversarial.png",
        "mask.png",
        "curve.csv",
        "result.json",
        "figure.png",
        "manifest.json",
        "SHA256SUMS",
    ]
    done = check_sums(tmp_path)
    assert done.returncode == 0 and done.stdout.count(": OK") == 7 and not done.stderr
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert (
        manifest["model"] == {"name": "tiny", "sha256": run_result.model_sha256}
        and manifest["notice"] == NOTICE
    )
    assert (
        manifest["settings"]["attack"] == run_result.request.attack.to_json()
        and manifest["made_with"] == run_result.versions
    )
    assert (
        manifest["inputs"]["rgb_sha256"] == run_result.image_sha256 and list(manifest["files"]) == names[:6]
    )
    (tmp_path / "curve.csv").write_text("step\n", encoding="utf-8")
    assert check_sums(tmp_path).returncode == 1


def test_the_same_run_gives_the_same_bytes_also_read_back_from_disk(run_zip, run_result, run_folder) -> None:
    assert bundle_zip(run_result) == run_zip
    assert bundle_zip(read_run(run_folder)) == run_zip
    with zipfile.ZipFile(io.BytesIO(run_zip)) as archive:
        assert {
            (entry.date_time, entry.compress_type, entry.create_system) for entry in archive.infolist()
        } == {((1980, 1, 1, 0, 0, 0), zipfile.ZIP_STORED, 3)}


def test_pictures_and_figures_carry_their_provenance(run_zip, run_result: RunResult) -> None:
    with zipfile.ZipFile(io.BytesIO(run_zip)) as archive:
        pictures = {name: archive.read(name) for name in archive.namelist() if name.endswith(".png")}
    assert len(pictures) == 4
    for data in pictures.values():
        text = text_of(data)
        assert text["Run"] == run_result.run_id and text["Model SHA-256"] == run_result.model_sha256
        assert json.loads(text["Settings"])["attack"]["steps"] == 25 and text["Software"].startswith(
            "SNAP Studio "
        )
        assert "patch $1" not in str({name: one for name, one in text.items() if name != "Comment"}), (
            "a file name may name a patient"
        )
    assert (decode_pixels(pictures["adversarial.png"]) == run_result.adversarial).all()
    svg = figure_svg(run_result)
    assert svg == figure_svg(run_result) and run_result.run_id.encode() in svg and b"<dc:date>" not in svg
    assert figure_png(run_result) == figure_png(run_result)


def test_stimuli_made_from_a_run_carry_nothing(run_result, run_folder) -> None:
    source = source_from_run(run_folder)
    stimuli, files = make_stimuli([source], [UNTOUCHED, SNAP], seed=3)
    for stimulus in stimuli:
        data = files[stimulus.picture]
        assert text_of(data) == {} and not any(
            word in data for word in (b"iTXt", b"tEXt", b"zTXt", run_result.run_id.encode())
        )


def test_text_is_added_without_touching_the_pixels(run_result) -> None:
    plain = io.BytesIO()
    Image.fromarray(run_result.adversarial).save(plain, "PNG")
    data = add_text(plain.getvalue(), {"Comment": "für Prüfer", "Run": "x"})
    assert (
        text_of(data) == {"Comment": "für Prüfer", "Run": "x"}
        and (decode_pixels(data) == run_result.adversarial).all()
    )
    start = plain.getvalue().index(b"IDAT")
    assert data.endswith(plain.getvalue()[start - 4 :])


def test_a_figure_is_drawn_whatever_the_image_is_called(run_result) -> None:
    for name in ("$\\frac{", "a$b$c", "line\nbreak\x00", "x" * 400):
        request = replace(run_result.request, image_name=name)
        assert decode_pixels(figure_png(replace(run_result, request=request), dpi=60)).shape[1] > 300


def test_pictures_on_the_figure_are_enlarged_pixel_by_pixel(run_result) -> None:
    sheet = decode_pixels(figure_png(run_result))
    enlarged = np.repeat(np.repeat(run_result.adversarial, 5, axis=0), 5, axis=1)
    left, top = 60 + 480 + 40, 60 + 150 + 110
    assert (sheet[top : top + 480, left : left + 480] == enlarged).all()


def test_an_audits_bundle_holds_no_path_and_is_checked_by_sha256sum(audit_folder, tmp_path) -> None:
    audit = read_finished(audit_folder)
    data = audit_bundle(audit)
    assert data == audit_bundle(read_finished(audit_folder))
    names = unpack(data, tmp_path)
    assert check_sums(tmp_path).returncode == 0
    for name in names:
        assert b"secret-place" not in (tmp_path / name).read_bytes(), f"{name} tells where the files lay"
    assert names[:3] == ["audit.json", "summary.json", "rows.parquet"]
    pictures = [name for name in names if name.startswith("pictures/") and not name.endswith("-mask.png")]
    assert len(pictures) == 8 and text_of((tmp_path / pictures[0]).read_bytes())["Audit"] == audit_folder.name
    few = audit_bundle(audit, most=2)
    with zipfile.ZipFile(io.BytesIO(few)) as archive:
        assert json.loads(archive.read("manifest.json"))["pictures"] == {"packed": 2, "of": 8}
        assert sum(name.startswith("pictures/") for name in archive.namelist()) == 4


def test_a_study_without_its_design_is_no_bundle() -> None:
    with pytest.raises(StudyError, match="not the design"):
        study_bundle({"trials.csv": b"x"}, "s")
