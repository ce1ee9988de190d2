"""A workspace as commit 5891adc left it opens with the same numbers, and its bundles are verified."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from snapgui import cli
from snapgui.audit.choose import attacked_images
from snapgui.audit.read import audits_folder, read_audit, read_finished
from snapgui.audit.store import find_audits
from snapgui.runs.alternatives_store import read_alternatives
from snapgui.runs.store import list_runs, load_run
from snapgui.runs.unfinished import load_request
from snapgui.study.analysis.analyse import analyse_store
from snapgui.study.design.freeze import verify
from snapgui.study.store.deletion import count_answers
from snapgui.study.store.folders import study_folder
from snapgui.study.store.store import open_store
from snapgui.ui.result.screen import read_screen

Found = dict[str, Any]


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The unpacked folder; what was read then stands in its ``expected.json``."""
    with zipfile.ZipFile(Path(__file__).with_name("old_workspace.zip")) as archive:
        archive.extractall(tmp_path / "old")
    monkeypatch.setenv("SNAP_WORKSPACE", str(tmp_path / "old" / "workspace"))
    return tmp_path / "old"


def expected(old: Path, part: str) -> Found:
    values: Found = json.loads((old / "expected.json").read_text(encoding="utf-8"))[part]
    return values


def same(found: Any, wanted: Any) -> None:
    """Every value that is wanted is found: numbers within rounding, all else exactly."""
    if isinstance(wanted, dict):
        for name, value in wanted.items():
            same(found[name], value)
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, abs=1e-9)
    elif isinstance(wanted, list):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            same(one, other)
    else:
        assert found == wanted


def test_a_run_its_alternatives_and_what_was_left_unfinished(old: Path) -> None:
    (summary,) = list_runs()
    run, wanted = load_run(summary.run_id), expected(old, "run")
    alternatives = {one.name: vars(one) for one in read_alternatives(run.run_id, run.request.attack)}
    same(vars(run) | {"alternatives": alternatives}, wanted)
    (unfinished,) = (old / "workspace" / "unfinished").iterdir()
    request = load_request(unfinished.name)
    wanted = expected(old, "unfinished") | {"run_id": unfinished.name}
    found = vars(request) | {"attack": request.attack.to_json(), "mask_pixels": int(request.mask.sum())}
    same(found | {"run_id": unfinished.name}, wanted)
    same(read_screen().to_json(), expected(old, "screen"))


def test_an_audit(old: Path) -> None:
    (folder,) = find_audits(audits_folder())
    audit, wanted = read_audit(folder), expected(old, "audit")
    whole = read_finished(folder)
    numbers = whole.summary
    fooled, rest = attacked_images(whole, 3)
    found = {
        "name": folder.name,
        "finished": audit.finished,
        "images_done": audit.images_done,
        "images": audit.images,
        "before": numbers["before"],
        "rows": len(whole.rows),
        "fooled_shown": len(fooled),
        "rest_shown": len(rest),
        "conditions": {row["condition"]: row for row in numbers["conditions"]},
    }
    same(found, wanted)


def test_a_study_with_its_answers(old: Path) -> None:
    store, wanted = open_store(), expected(old, "study")
    ((name, title),) = store.studies()
    verify(study_folder(name))
    design, counts = store.study(name), count_answers(store, name)
    analysis = analyse_store(store, name, study_folder(name))
    found = vars(counts) | {
        "name": name,
        "title": title,
        "design": design.settings.kind,
        "trials_a_session": len(design.lists[0][0]),
        "stimuli": len(design.stimuli),
        "analysis": analysis["detection"],
    }
    same(found, wanted)


@pytest.mark.parametrize("name", ["run", "audit"])
def test_a_bundle_is_verified(old: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = cli.main(["verify", str(old / "bundles" / f"{name}.zip")])
    assert status == 0, capsys.readouterr().out


def test_a_bundle_of_a_study_is_verified_but_for_what_is_computed_otherwise_today(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, lines = cli.main(["verify", str(old / "bundles" / "study.zip")]), capsys.readouterr().out
    assert status == 1 and "fails" not in lines
    assert lines.count("not checked ") == 1 and "analysis.json: an earlier version wrote it" in lines
    assert "not checked:   the primary outcome: the design, as those of earlier versions, names none" in lines
    assert "seed, settings and pictures give the same lists" in lines
