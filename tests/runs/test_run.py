import csv
import hashlib
import io
import json
import math
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.cells.proposals import propose_cells
from snapgui.engine.images import decode_pixels, to_image
from snapgui.engine.presets import PRESETS
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.errors import DataError, MaskError
from snapgui.progress import drain
from snapgui.report.run.bundle import bundle_zip
from snapgui.runs.files import result_json
from snapgui.runs.naturalness import naturalness_of
from snapgui.runs.records import RunRequest, RunResult
from snapgui.runs.run import run_snap
from snapgui.runs.store import delete_run, list_runs, load_run, read_run, run_folder, save_run
from snapgui.runs.unfinished import drop_request, load_request, save_request
from snapgui.runs.verdict import control_words, verdict, verdict_card
from snapgui.words import per_cent
from snapgui.workspace import workspace


@pytest.fixture
def victim(linear_victim, tissue):
    """Calls the drawn tissue metastasis, by a little."""
    made = linear_victim(scale=0.01)
    with torch.no_grad():
        z = made(to_image(tissue)[None])[0]
        made.network[1].bias[1] += z[0] - z[1] + 2
    return made


@pytest.fixture
def request_(tissue: np.ndarray) -> RunRequest:
    cells = CellSettings(count=6, area=0.08, centre="excluded")
    mask = draw_mask(propose_cells(tissue, cells), (96, 96))
    return RunRequest(tissue, mask, AttackSettings(steps=25), cells, image_name="drawn tissue", true_class=1)


@pytest.fixture
def result(victim, request_) -> RunResult:
    return drain(run_snap(victim, request_))


def test_a_run_fools_the_victim_and_says_so(victim, request_, result) -> None:
    assert result.success and result.flipped and not result.stopped
    rescored = victim.predict(to_image(result.adversarial)[None])[0]
    assert tuple(map(float, rescored)) == pytest.approx(result.p_after, abs=1e-6)
    assert (result.adversarial[~request_.mask] == request_.pixels[~request_.mask]).all()
    assert result.area_fraction == request_.mask.mean() and result.centre == "excluded"
    assert [point.step for point in result.curve] == list(range(result.steps + 1))
    assert result.curve[result.best_step].p[0] == pytest.approx(result.p_after[0], abs=1e-5)
    words = verdict(result)
    assert re.match(
        r"metastasis \d\d\.\d % -> normal \d\d\.\d % in \d+ steps?, \d\.\d % of the pixels", words
    )
    assert "no cell in the centre" in words
    assert "still fools the model after saving as PNG" in words


def test_progress_counts_and_stop_keeps_the_best(victim, request_) -> None:
    request = replace(request_, attack=AttackSettings(steps=500, confidence=1.0))
    seen = []
    run = run_snap(victim, request, stop=lambda: len(seen) >= 4)
    stopped = drain(run, seen.append)
    assert [progress.step for progress in seen] == [0, 1, 2, 3]
    assert stopped.stopped and stopped.steps == 3 and "stopped early" in verdict(stopped)
    assert (seen[-1].preview == stopped.adversarial).all()
    assert stopped.p_after[0] == pytest.approx(max(point.p[0] for point in stopped.curve), abs=1e-6)


def test_words_for_each_outcome(result) -> None:
    assert "the model was not fooled: normal reached 20.0 %" in verdict(
        replace(result, success=False, flipped=False, p_after=(0.2, 0.8))
    )
    assert "below the 95 % asked" in verdict(replace(result, success=False, p_after=(0.7, 0.3)))
    assert "nothing to fool" in verdict(replace(result, p_before=(0.9, 0.1)))
    assert "in 1 step," in verdict(replace(result, best_step=1))
    corrected = replace(result, request=replace(result.request, true_class=result.target))
    assert "was wrong before, and calls the saved PNG normal, which is right" in verdict(corrected)
    assert [chip.words for chip in verdict_card(corrected, None).chips][:2] == [
        "Model wrong before",
        "Answer changed",
    ]
    assert verdict_card(result, None).chips[0].words == "Model fooled"


def test_a_run_stands_beside_controls_of_its_own_texture(victim, request_) -> None:
    for attack, name in (
        (AttackSettings(steps=2), "random colours"),
        (replace(PRESETS["natural"].attack, steps=2), "random retouch"),
    ):
        run = drain(run_snap(victim, replace(request_, attack=attack)))
        best = f"best of 50 draws of {name}"
        assert (
            list(run.controls) == ["median colour", name, best] and run.controls[best] >= run.controls[name]
        )
        said = control_words(run)
        assert f" with median colour, {per_cent(run.controls[name])} with {name} and " in said
        assert said.endswith(f"with {best}.")


def test_a_run_that_cannot_be_made_is_refused_before_it_starts(victim, request_) -> None:
    with pytest.raises(MaskError, match="mask is empty"):
        next(run_snap(victim, replace(request_, mask=np.zeros((96, 96), bool))))


def test_saved_runs_come_back_whole(result) -> None:
    folder = save_run(result)
    assert folder.parent.parent == workspace()
    loaded = load_run(result.run_id)
    for name in ("pixels", "mask"):
        assert (getattr(loaded.request, name) == getattr(result.request, name)).all()
    assert (loaded.adversarial == result.adversarial).all()
    assert loaded.visibility == result.visibility and loaded.request.cells == result.request.cells
    assert loaded.request.attack == result.request.attack and loaded.p_after == result.p_after
    assert [point.step for point in loaded.curve] == [point.step for point in result.curve]
    (summary,) = list_runs()
    assert summary.run_id == result.run_id and summary.success and summary.gamut == "range"
    delete_run(result.run_id)
    assert list_runs() == []
    with pytest.raises(DataError, match="gone or damaged"):
        load_run(result.run_id)


def test_how_natural_it_is_is_kept_and_measured_for_runs_of_before(result) -> None:
    folder = save_run(result)
    loaded = load_run(result.run_id)
    assert loaded.naturalness is not None and loaded.naturalness == result.naturalness
    assert loaded.naturalness.mean_de00_mask == result.visibility["mask"].mean_de00
    values = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    del values["naturalness"]
    (folder / "result.json").write_text(json.dumps(values), encoding="utf-8")
    old = load_run(result.run_id)
    assert old.naturalness is None and naturalness_of(old) == result.naturalness
    assert "naturalness" not in result_json(old)
    values["naturalness"] = {"cells": 3}
    (folder / "result.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(DataError, match="gone or damaged"):
        load_run(result.run_id)


def test_an_unchanged_picture_survives_saving(result) -> None:
    """PSNR of the same picture is infinite, which JSON does not have."""
    same = {name: replace(figures, psnr_db=math.inf) for name, figures in result.visibility.items()}
    save_run(replace(result, visibility=same))
    assert load_run(result.run_id).visibility == same


def test_a_request_is_kept_until_its_run_has_ended(request_) -> None:
    name = "20260101-000000-abcdef"
    with pytest.raises(DataError, match="no unfinished run"):
        load_request(name)
    save_request(name, request_)
    back = load_request(name)
    assert (back.pixels == request_.pixels).all() and (back.mask == request_.mask).all()
    assert replace(back, pixels=request_.pixels, mask=request_.mask) == request_
    drop_request(name)
    with pytest.raises(DataError, match="no unfinished run"):
        load_request(name)
    for k in range(30):
        save_request(f"20260101-000000-{k:06x}", request_)
    assert len(list((workspace() / "unfinished").iterdir())) == 20
    assert load_request("20260101-000000-00001d").image_name == request_.image_name


@pytest.mark.parametrize(
    "name", ["../../etc", "/etc/passwd", "", "20261122-101010-abcdef/..", "20261122-101010-ABCDEF"]
)
def test_no_path_leaves_the_workspace(name: str) -> None:
    for action in (run_folder, load_run, delete_run, load_request, drop_request):
        with pytest.raises(DataError, match="not the name of a run"):
            action(name)


def test_damaged_runs_are_left_out_of_the_list_and_said(result) -> None:
    folder = save_run(result)
    (folder / "result.json").write_text("{", encoding="utf-8")
    assert list_runs() == []
    with pytest.raises(DataError, match="gone or damaged"):
        load_run(result.run_id)


def test_a_full_disk_leaves_nothing_half_written(result, monkeypatch, own_workspace) -> None:
    write = Path.write_bytes

    def fail(self: Path, data: bytes) -> int:
        if self.name == "curve.csv":
            raise OSError(28, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(DataError, match="No space left"):
        save_run(result)
    assert list((own_workspace / "runs").iterdir()) == []


def test_a_folder_holds_no_mix_of_two_runs(result, tmp_path, monkeypatch) -> None:
    """A process that dies while it replaces a run in a folder leaves one of them, or none that is read."""
    folder = tmp_path / "out"
    save_run(result, folder)
    other = replace(result, run_id="20260101-000000-abcdef", adversarial=255 - result.adversarial)
    rename, done = Path.replace, []

    def die_at_third(self: Path, target: Path) -> Path:
        done.append(target)
        if len(done) == 3:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", die_at_third)
    with pytest.raises(DataError, match="Input/output error"):
        save_run(other, folder)
    with pytest.raises(DataError, match="gone or damaged"):
        read_run(folder)
    monkeypatch.setattr(Path, "replace", rename)
    save_run(other, folder)
    assert read_run(folder).run_id == other.run_id
    assert (read_run(folder).adversarial == other.adversarial).all()


def test_a_run_that_is_being_written_is_not_listed(result, own_workspace) -> None:
    folder = save_run(result)
    folder.rename(folder.with_name(f".{folder.name}.0123.partial"))
    assert list_runs() == []


def test_an_unwritable_workspace_is_a_sentence(monkeypatch, tmp_path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("SNAP_WORKSPACE", str(tmp_path / "file" / "inside"))
    with pytest.raises(DataError, match="Set SNAP_WORKSPACE"):
        workspace()


def test_the_zip_holds_what_the_result_says(victim, result) -> None:
    data = bundle_zip(result)
    assert data == bundle_zip(result), "same run, same bytes"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert set(archive.namelist()) == {
            "original.png",
            "adversarial.png",
            "mask.png",
            "curve.csv",
            "result.json",
            "figure.png",
            "manifest.json",
            "SHA256SUMS",
        }
        files = {name: archive.read(name) for name in archive.namelist()}
    values = json.loads(files["result.json"])
    pixels = decode_pixels(files["adversarial.png"])
    assert float(victim.predict(to_image(pixels)[None])[0, 0]) == pytest.approx(
        values["p_target_after"], abs=1e-6
    )
    original = decode_pixels(files["original.png"])
    assert hashlib.sha256(original.tobytes()).hexdigest() == values["image_sha256"]
    mask = decode_pixels(files["mask.png"])[..., 0] > 0
    assert mask.mean() == values["area_fraction"] and (pixels[~mask] == original[~mask]).all()
    rows = list(csv.DictReader(io.StringIO(files["curve.csv"].decode())))
    assert len(rows) == values["steps"] + 1 and float(rows[0]["p_normal"]) + float(
        rows[0]["p_metastasis"]
    ) == pytest.approx(1, abs=2e-6)
    wide = decode_pixels(files["figure.png"]).shape
    assert wide[1] > 1800, "300 dpi at 7 inches"
    for name in (
        "success",
        "p_target_before",
        "p_target_after",
        "steps",
        "area_fraction",
        "seconds",
        "centre",
        "gamut",
        "seed",
        "model_sha256",
    ):
        assert name in values
