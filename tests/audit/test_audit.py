import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from snapgui import progress
from snapgui.audit import run as audit_run
from snapgui.audit import shard as audit_shard
from snapgui.audit import store
from snapgui.audit.alter import Subjects, alter
from snapgui.audit.plan import plan_audit
from snapgui.audit.read import FinishedAudit, read_audit, read_finished
from snapgui.audit.rows import NATURALNESS, SCHEMA, UNTOUCHED
from snapgui.audit.run import AuditOutcome, run_audit, seconds_left
from snapgui.audit.settings import AREAS, AuditSettings, Condition, conditions_of, draw_seed, seed_of
from snapgui.audit.shard import ShardResult
from snapgui.audit.summary import area_interval, area_of_accuracy, goal_curve, summarise
from snapgui.audit.words import condition_names, interval_words, settings_words, table_text
from snapgui.cli import main
from snapgui.engine.cells.outlines import centre_mask, read_mask
from snapgui.engine.controls import random_draws
from snapgui.engine.detector.linear import shipped_detector
from snapgui.engine.images import read_pixels, to_image
from snapgui.engine.presets import PRESETS
from snapgui.engine.settings import AttackSettings, CellSettings
from snapgui.engine.sham import Source, make_sham
from snapgui.engine.victim.victim import Victim
from snapgui.engine.visibility.measures import measure
from snapgui.engine.visibility.naturalness import measure_naturalness
from snapgui.errors import DataError, SettingsError
from snapgui.statistics import share, share_of_draws
from snapgui.ui.audit.audits import AuditTask, audit_work

SETTINGS = AuditSettings(
    split="val",
    cells=CellSettings(count=6, area=0.1),
    attack=AttackSettings(steps=3),
    batch_size=4,
    shard_size=4,
)
FAST = (
    "--split",
    "val",
    "--steps",
    "2",
    "--preset",
    "paper",
    "--cells",
    "5",
    "--batch-size",
    "4",
    "--shard-size",
    "2",
    "--threads",
    "1",
)


def drain(audit) -> tuple[list, AuditOutcome]:
    seen: list = []
    return seen, progress.drain(audit, seen.append)


@pytest.fixture(scope="module")
def audited(small_set: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory):
    out = tmp_path_factory.mktemp("out")
    return drain(run_audit(small_model, small_set, out, SETTINGS))


def test_an_audit_has_one_row_per_image_and_condition(audited, small_set: Path) -> None:
    seen, outcome = audited
    rows = store.read_rows(outcome.folder)
    assert list(rows.columns) == SCHEMA.names
    untouched = rows[rows.condition == UNTOUCHED]
    assert sorted(untouched.id) == sorted(
        [f"metastasis{k}" for k in range(6)] + [f"normal{k}" for k in range(4)]
    )
    attacked = untouched[untouched.status == "attacked"]
    assert set(attacked.label) == {1} and len(attacked) >= 5
    for condition in conditions_of(SETTINGS):
        part = rows[rows.condition == condition.name]
        assert list(part.id) == [name for name in attacked.id for _ in range(condition.draws)]
        assert list(part.draw.dropna()) == (list(range(5)) * len(attacked) if condition.draws == 5 else [])
    assert seen[0].images_done == 0 and seen[-1].images_done == 10 and seen[-1].left_s == 0
    assert any(progress.doing == "one square" for progress in seen)


def test_every_figure_is_that_of_the_saved_picture(audited, small_set: Path, small_model: Path) -> None:
    victim = Victim.load(small_model)
    _, outcome = audited
    rows = store.read_rows(outcome.folder)
    snap = rows[(rows.condition == "SNAP") & (rows.status == "measured")]
    originals = {path.stem: read_pixels(path) for path in (small_set / "patches").iterdir()}
    for row in snap.itertuples():
        saved = read_pixels(outcome.folder / "pictures" / row.picture)
        p = victim.predict(to_image(saved)[None])[0]
        assert row.p_label_after == pytest.approx(float(p[1]), abs=1e-5)
        assert row.flipped == (float(p[1]) < 0.5) and row.predicted_after == int(p.argmax())
        mask = read_mask(
            (outcome.folder / "pictures" / row.picture.replace(".png", "-mask.png")).read_bytes(),
            shape=(96, 96),
        )
        assert row.area == pytest.approx(mask.mean()) and abs(row.area - 0.1) < 0.02
        assert (saved != originals[row.id])[~mask].sum() == 0
        natural = measure_naturalness(originals[row.id], saved, mask, shipped_detector())
        assert all(getattr(row, name) == getattr(natural, name) for name in NATURALNESS)
        assert row.centre == ("open" if (mask & centre_mask((96, 96))).any() else "excluded")
    excluded = rows[rows.condition == "SNAP, centre excluded"]
    assert set(excluded.centre.dropna()) == {"excluded"}
    square, whole = (rows[rows.condition == name] for name in ("one square", "whole image, 2/255"))
    assert (abs(square.area.dropna() - 0.1) < 0.02).all() and (whole.area == 1).all()
    assert (whole.psnr_whole_db > 40).all(), "2/255 is hardly seen"
    assert rows[rows.condition == "median colour"].steps.isna().all()


def test_the_summary_counts_the_rows(audited) -> None:
    _, outcome = audited
    rows = store.read_rows(outcome.folder)
    summary = outcome.summary
    assert (
        summary
        == json.loads((outcome.folder / "summary.json").read_text(encoding="utf-8"))
        == store.read_summary(outcome.folder)
    )
    for one in summary["conditions"]:
        part = rows[(rows.condition == one["condition"]) & (rows.status == "measured")]
        assert one["flipped"]["count"] == int(part.flipped.sum()) and one["flipped"]["of"] == len(part)
        wrong = 10 * (1 - summary["before"]["accuracy"]["share"])
        flips = part.groupby("position").flipped.mean().sum()
        assert one["accuracy"]["share"] == pytest.approx(1 - (wrong + flips) / 10)
        assert one["flipped"]["interval"][0] <= one["flipped"]["share"] <= one["flipped"]["interval"][1]
    text = table_text(read_finished(outcome.folder))
    assert "96.3 %" in text and "69.0 %" in text
    assert all(f"\n{name} " in text for name in condition_names(SETTINGS).values())


def test_summary_of_a_table_known_by_heart() -> None:
    def row(position, condition, label, before, after, status, **more):
        return {
            "position": position,
            "condition": condition,
            "label": label,
            "predicted_before": before,
            "predicted_after": after,
            "status": status,
            **more,
        }

    rows = pd.DataFrame(
        [
            row(0, UNTOUCHED, 1, 1, 1, "attacked"),
            row(1, UNTOUCHED, 1, 1, 1, "attacked"),
            row(2, UNTOUCHED, 1, 0, 0, "wrong before"),
            row(3, UNTOUCHED, 0, 0, 0, "other class"),
            row(4, UNTOUCHED, 0, None, None, "unreadable"),
            row(
                0,
                "SNAP",
                1,
                1,
                0,
                "measured",
                flipped=True,
                reached_goal=True,
                centre="open",
                best_step=4,
                area=0.05,
            ),
            row(1, "SNAP", 1, None, None, "no room"),
        ]
    ).reindex(columns=SCHEMA.names)
    summary = summarise(rows)
    assert summary["before"]["accuracy"] == {
        "count": 3,
        "of": 4,
        "share": 0.75,
        "interval": pytest.approx([0.3006, 0.9544], abs=1e-4),
    }
    assert (summary["before"]["attacked"], summary["before"]["unreadable"]) == (2, 1)
    (snap,) = summary["conditions"]
    assert (
        snap["accuracy"]["count"] == 2
        and snap["sensitivity"]["share"] == pytest.approx(1 / 3)
        and snap["specificity"]["share"] == 1
    )
    assert snap["flipped"]["of"] == 1 and snap["no_room"] == 1 and snap["median_steps_to_goal"] == 4
    assert snap["flipped_by_centre"]["excluded"]["share"] is None
    assert summary["area_of_paper"] == {"open": None, "excluded": None}
    assert goal_curve(rows, "SNAP", 5) == [0, 0, 0, 0, 1, 1]
    audit = FinishedAudit(Path("audit"), {}, SETTINGS, 5, 5, True, summary, rows)
    line = next(line for line in table_text(audit).splitlines() if line.startswith("SNAP"))
    assert line.split()[-1] == "1" and "1 without room for the cells" in table_text(audit)


def test_the_area_at_which_accuracy_falls_to_the_papers() -> None:
    def condition(area: str, centre: str, accuracy: float) -> dict:
        return {"condition": f"area {area}, centre {centre}", "accuracy": {"share": accuracy}}

    conditions = [
        condition("1%", "open", 0.9),
        condition("3%", "open", 0.69),
        condition("5%", "open", 0.5),
        condition("5%", "excluded", 0.8),
        condition("20%", "excluded", 0.6),
    ]
    assert area_of_accuracy(conditions, 0.69) == {"open": 0.03, "excluded": 0.2}
    assert area_of_accuracy(conditions, 0.55) == {"open": 0.05, "excluded": None}


def test_the_area_of_the_papers_accuracy_has_an_interval_over_images() -> None:
    """Of ten images one is wrong before; at 4 % two more fall, at 8 % six: 70 % lies at 4 %, 50 % at 6 %."""
    rows = [
        {
            "condition": UNTOUCHED,
            "position": i,
            "status": "attacked",
            "label": 1,
            "predicted_before": int(i > 0),
        }
        for i in range(10)
    ]
    for area, fallen in ((4, 2), (8, 6)):
        rows += [
            {
                "condition": f"area {area}%, centre open",
                "position": i,
                "status": "measured",
                "label": 1,
                "predicted_before": 1,
                "flipped": i <= fallen,
            }
            for i in range(1, 10)
        ]
    table = pd.DataFrame(rows)
    assert area_interval(table, "open", 0.7)[0] == pytest.approx(0.04)
    middle, low, high = area_interval(table, "open", 0.5)
    assert middle == pytest.approx(0.06) and 0.02 < low < 0.05 and high == math.inf
    assert interval_words((middle, 0.031, high)) == "6.0 % (95 % interval 3.1 % to more than asked)"
    assert area_interval(table, "excluded", 0.5) == (math.inf,) * 3
    assert area_interval(table, "open", 0.95)[0] == 0


def test_conditions_have_one_name_each_and_seeds_follow_the_image() -> None:
    everything = conditions_of(replace(SETTINGS, groups=("standard", "area", "cells", "gamut", "placement")))
    names = [condition.name for condition in everything]
    assert len(set(names)) == len(names) == 11 + 2 * len(AREAS) + 5 + 4 + 8
    assert isinstance(everything[0], Condition) and everything[0].name == "SNAP"
    alone = conditions_of(replace(SETTINGS, groups=("area",), areas=(0.015,)))
    assert [condition.name for condition in alone] == [
        "SNAP",
        "area 1.5%, centre open",
        "area 1.5%, centre excluded",
    ]
    assert seed_of(0, "a") == seed_of(0, "a") != seed_of(0, "b") != seed_of(1, "b")
    assert AuditSettings.from_json(json.loads(json.dumps(SETTINGS.to_json()))) == SETTINGS
    with pytest.raises(SettingsError, match="groups"):
        AuditSettings(groups=("colours",))
    with pytest.raises(SettingsError, match="different shares"):
        AuditSettings(areas=(0.05, 0.05))
    with pytest.raises(SettingsError, match="area is 5"):
        AuditSettings(areas=(5,))


def test_settings_are_told_with_the_colours_that_they_use() -> None:
    natural = PRESETS["natural"]
    assert settings_words(natural.cells, natural.attack) == (
        "at most 30 % of the pixels, all nuclei, cells allowed in the centre, retouched nuclei, stains "
        "changed by at most 60 %, as little as fools the model, 50 steps, goal 70 %"
    )
    assert settings_words(SETTINGS.cells, SETTINGS.attack) == (
        "6 cells, 10 % of the pixels, scattered, cells allowed in the centre, full range of the image, "
        "3 steps, goal 95 %"
    )


def test_a_retouch_has_controls_of_its_own_and_gamuts_are_free() -> None:
    natural = PRESETS["natural"]
    settings = AuditSettings(cells=natural.cells, attack=natural.attack, groups=("standard", "gamut"))
    by_name = {condition.name: condition for condition in conditions_of(settings)}
    assert {"median colour", "random retouch", "best of 50 draws of random retouch", "real nuclei"} <= set(
        by_name
    )
    assert "random colours" not in by_name and by_name["random retouch"].draws == 5
    assert by_name["gamut pca"].attack.texture == "free" and by_name["SNAP"].attack.texture == "retouch"


def test_the_best_of_fifty_draws_is_what_it_says(linear_victim, tissue) -> None:
    """It helps at least as much as each of the fifty, and lies in the very same cells."""
    mask = np.zeros((96, 96), bool)
    mask[8:40, 8:40] = True
    subjects = Subjects([0], ["a"], np.array([1]), [tissue], np.full((1, 2), 0.5))
    for attack in (AttackSettings(), PRESETS["natural"].attack):
        settings = replace(SETTINGS, attack=attack)
        condition = next(one for one in conditions_of(settings) if one.fill == "best")
        victim = linear_victim(scale=0.01)
        (best,) = alter(victim, subjects, [mask], condition, [], batch_size=7).pixels
        own = replace(attack, seed=draw_seed(attack.seed, "a", 0))
        images, masks = to_image(tissue)[None], torch.from_numpy(mask)[None, None]
        drawn = torch.cat(list(random_draws(images, masks, own, 50)))
        p = victim.predict(drawn)[:, 1]
        assert len(drawn) == 50 and len(p.unique()) > 40
        assert float(victim.predict(to_image(best)[None])[0, 1]) == pytest.approx(float(p.min()), abs=1e-6)
        assert (best[~mask] == tissue[~mask]).all() and (best[mask] != tissue[mask]).any()


def test_the_sham_of_an_audit_is_made_of_its_snap_pictures(audited, small_set: Path) -> None:
    """The same cells as SNAP's, one row an image, the first sham of the saved picture."""
    _, outcome = audited
    rows = store.read_rows(outcome.folder)
    snap, sham = (rows[(rows.condition == name) & (rows.status == "measured")] for name in ("SNAP", "sham"))
    assert len(snap) == len(sham) >= 5 and list(snap.area) == list(sham.area)
    originals = {path.stem: read_pixels(path) for path in (small_set / "patches").iterdir()}
    for one, other in zip(snap.itertuples(), sham.itertuples(), strict=True):
        saved = outcome.folder / "pictures" / one.picture
        mask = read_pixels(saved.with_name(f"{saved.stem}-mask.png"))[..., 0] > 0
        made = make_sham(Source(one.id, originals[one.id], read_pixels(saved), mask), seed=0)
        assert other.mean_de00_mask == measure(originals[one.id], made.pixels, mask)["mask"].mean_de00
    assert condition_names(SETTINGS)["sham"] == "sham (control)"


def test_random_colours_are_drawn_anew_for_each_image_and_draw(linear_victim, tissue) -> None:
    """One and the same picture under two names, in two cells: nothing about the colours is shared."""
    mask = np.zeros((96, 96), bool)
    mask[10:20, 10:20] = mask[40:50, 40:50] = True
    subjects = Subjects([0, 1], ["a", "b"], np.array([1, 1]), [tissue, tissue], np.full((2, 2), 0.5))
    (condition,) = (one for one in conditions_of(SETTINGS) if one.name == "random colours")
    drawn = [
        tuple(pixels[15, 15])
        for draw in range(condition.draws)
        for pixels in alter(
            linear_victim(), subjects, [mask, mask], condition, [], batch_size=2, draw=draw
        ).pixels
    ]
    assert condition.draws == 5 and len(set(drawn)) == 10
    again = alter(linear_victim(), subjects.of([1]), [mask], condition, [], batch_size=2, draw=4)
    assert tuple(again.pixels[0][15, 15]) == drawn[-1], "the images beside it and the batch do not matter"


def test_an_interval_of_several_draws_counts_images() -> None:
    """Draws that agree within each image are worth no more than the images; independent ones as many as
    there are.
    """
    alone = share(6, 10)
    agree = share_of_draws([5] * 6 + [0] * 4, 5)
    assert agree["interval"] == pytest.approx(alone["interval"]) and agree["share"] == alone["share"]
    assert (agree["count"], agree["of"], agree["images"]) == (30, 50, 10)
    rng = np.random.default_rng(0)
    independent = share_of_draws(rng.binomial(5, 0.6, 2000), 5)
    plain = share(independent["count"], 10_000)
    width = np.ptp(independent["interval"]) / np.ptp(plain["interval"])
    assert 0.95 < width < 1.05
    assert share_of_draws([1, 0, 1], 1) == share(2, 3)
    assert share_of_draws([0] * 10, 5)["interval"] == list(share(0, 10)["interval"])
    assert share_of_draws([], 5) == share(0, 0)


def test_the_interval_of_draws_covers_as_it_says() -> None:
    """Images that differ in how easily they are fooled: the interval of all draws as if each were an image
    misses the truth far too often.
    """
    rng, covered, plain = np.random.default_rng(1), 0, 0
    for _ in range(400):
        counts = rng.binomial(5, rng.beta(0.5, 0.8, 60))
        own, other = share_of_draws(counts, 5)["interval"], share(int(counts.sum()), 300)["interval"]
        truth = 0.5 / 1.3
        covered += own[0] <= truth <= own[1]
        plain += other[0] <= truth <= other[1]
    assert covered / 400 > 0.92 and plain / 400 < 0.8


def test_a_shard_that_fails_in_any_way_is_told_and_the_rest_goes_on(
    small_set: Path, small_model: Path, tmp_path: Path, monkeypatch
) -> None:
    measure = audit_shard._measure

    def fail_once(victim, patches, subjects, *rest):
        if "metastasis0" in subjects.ids:
            raise ValueError("a column has another length")
        measure(victim, patches, subjects, *rest)

    monkeypatch.setattr(audit_shard, "_measure", fail_once)
    _, outcome = drain(run_audit(small_model, small_set, tmp_path, SETTINGS))
    assert list(outcome.failures.values()) == ["a column has another length"] and outcome.summary is None
    assert len(store.finished_shards(outcome.folder)) == 2


def test_to_continue_reads_the_model_and_the_data_once(
    small_set: Path, small_model: Path, tmp_path: Path, monkeypatch
) -> None:
    stopped = run_audit(small_model, small_set, tmp_path, SETTINGS, stop=lambda: True)
    _, outcome = drain(stopped)
    audit = read_audit(outcome.folder)
    assert not audit.finished
    calls = []
    for name, module in (("load", Victim), ("plan_audit", audit_run)):
        real = getattr(module, name)
        monkeypatch.setattr(
            module,
            name,
            lambda *args, real=real, name=name, **more: calls.append(name) or real(*args, **more),
        )
    task = AuditTask(audit.model, audit.data, tmp_path, audit.settings, continues=audit)
    handle = SimpleNamespace(stop=lambda: True, report=lambda *_: None)
    audit_work(task, "cpu")(handle)
    assert sorted(calls) == ["load", "plan_audit"]
    other = replace(audit, about=audit.about | {"fingerprint": "f" * 64, "method": None})
    with pytest.raises(DataError, match="cannot continue, since the program or its libraries"):
        next(run_audit(audit.model, audit.data, tmp_path, audit.settings, continues=other))
    gone = replace(audit, about=audit.about | {"data_path": str(tmp_path / "gone")})
    with pytest.raises(DataError, match="data set .* is gone"):
        next(run_audit(audit.model, audit.data, tmp_path, audit.settings, continues=gone))


def test_both_directions(small_set: Path, small_model: Path, tmp_path: Path) -> None:
    _, outcome = drain(run_audit(small_model, small_set, tmp_path, replace(SETTINGS, source="both", limit=6)))
    rows = store.read_rows(outcome.folder)
    snap = rows[rows.condition == "SNAP"]
    assert set(snap.label) == {0, 1} and (snap.predicted_before == snap.label).all()


def table_bytes(out: Path) -> bytes:
    (folder,) = store.find_audits(out)
    return (folder / "rows.parquet").read_bytes()


def command(model: Path, data: Path, out: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "snapgui",
        "audit",
        str(data),
        "--out",
        str(out),
        "--model",
        str(model),
        *FAST,
    ]


def test_a_killed_audit_goes_on_and_gives_the_same_table(
    small_set: Path, small_model: Path, tmp_path: Path, capsys
) -> None:
    out = tmp_path / "killed"
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        command(small_model, small_set, out), cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 240
    while not list(out.glob("audit-*/shards/*.parquet")):
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (folder,) = store.find_audits(out)
    done = store.finished_shards(folder)
    assert 0 < len(done) < 5 and not (folder / "rows.parquet").exists(), "killed too late to prove anything"
    stamps = {path.name: path.stat().st_mtime_ns for path in (folder / "shards").glob("*.parquet")}

    assert main(command(small_model, small_set, out)[3:]) == 0
    for name, stamp in stamps.items():
        assert (folder / "shards" / name).stat().st_mtime_ns == stamp, "a finished shard was done again"
    assert main(command(small_model, small_set, tmp_path / "whole")[3:]) == 0
    assert "SNAP, cells kept out of the centre" in capsys.readouterr().out
    assert table_bytes(out) == table_bytes(tmp_path / "whole")


def test_other_settings_data_or_model_get_a_folder_of_their_own(
    small_set: Path, tmp_path: Path, shipped_victim
) -> None:
    base = plan_audit(shipped_victim, small_set, SETTINGS).fingerprint
    assert plan_audit(shipped_victim, small_set, SETTINGS).fingerprint == base
    assert (
        plan_audit(shipped_victim, small_set, replace(SETTINGS, cells=CellSettings(count=7))).fingerprint
        != base
    )
    copy = tmp_path / "copy"
    shutil.copytree(small_set, copy)
    assert plan_audit(shipped_victim, copy, SETTINGS).fingerprint == base, (
        "the same data elsewhere are the same data"
    )
    pixels = read_pixels(copy / "patches" / "metastasis0.png")
    pixels[0, 0] ^= 1
    from snapgui.engine.images import encode_png

    (copy / "patches" / "metastasis0.png").write_bytes(encode_png(pixels))
    assert plan_audit(shipped_victim, copy, SETTINGS).fingerprint != base
    folders = {store.audit_folder(tmp_path, fingerprint).name for fingerprint in (base, "f" * 64)}
    assert len(folders) == 2


def test_an_unreadable_image_is_recorded_and_the_rest_goes_on(
    small_set: Path, small_model: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_set, data)
    (data / "patches" / "metastasis2.png").write_bytes(b"not a picture")
    _, outcome = drain(run_audit(small_model, data, tmp_path / "out", SETTINGS))
    rows = store.read_rows(outcome.folder)
    broken = rows[rows.id == "metastasis2"]
    assert list(broken.status) == ["unreadable"] and "not a PNG" in broken.error.iloc[0]
    assert outcome.summary["before"]["unreadable"] == 1 and outcome.summary["before"]["accuracy"]["of"] == 9


def test_a_full_disk_is_reported_and_the_rest_goes_on(
    small_set: Path, small_model: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    write = Path.write_bytes

    def full_once(self: Path, data: bytes) -> int:
        if self.name.startswith(".00001.parquet"):
            raise OSError(28, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", full_once)
    arguments = ["audit", str(small_set), "--out", str(tmp_path), "--model", str(small_model), *FAST]
    assert main(arguments) == 1
    told = capsys.readouterr()
    assert "shard 1 is missing: " in told.err and "the same command continues it" in told.out
    assert "00001.parquet cannot be written (No space left on device). Free space" in told.err
    (folder,) = store.find_audits(tmp_path)
    assert store.finished_shards(folder) == {0, 2, 3, 4}
    monkeypatch.setattr(Path, "write_bytes", write)
    assert main(arguments) == 0 and "untouched" in capsys.readouterr().out


def test_two_processes_on_one_audit_leave_each_other_alone(tmp_path: Path) -> None:
    """Each begins the audit, which clears what killed processes left, while the other is writing."""
    errors: list[Exception] = []
    result = ShardResult(pictures={"0000000.png": bytes(50_000)})

    def work() -> None:
        try:
            for _ in range(50):
                store.begin(tmp_path, {"settings": {}})
                store.save_shard(tmp_path, 0, result)
                store.combine(tmp_path, [0])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert not list(tmp_path.rglob("*.partial")) and store.finished_shards(tmp_path) == {0}


def test_what_a_killed_process_left_is_cleared_but_not_what_is_being_written(tmp_path: Path) -> None:
    store.begin(tmp_path, {"settings": {}})
    old, fresh = (tmp_path / "shards" / f".{name}.partial" for name in ("old", "fresh"))
    for path in (old, fresh):
        path.write_bytes(b"half")
    long_ago = time.time() - 2 * store.LEFT_OVER_S
    os.utime(old, (long_ago, long_ago))
    store.begin(tmp_path, {"settings": {}})
    assert fresh.exists() and not old.exists()


def test_stopping_keeps_what_is_done(small_set: Path, small_model: Path, tmp_path: Path) -> None:
    seen = []

    def stop() -> bool:
        return bool(list(tmp_path.glob("audit-*/shards/*.parquet")))

    audit = run_audit(small_model, small_set, tmp_path, SETTINGS, stop=stop)
    seen, outcome = drain(audit)
    assert outcome.summary is None and 0 < seen[-1].images_done < 10


def break_labels(folder: Path) -> None:
    with (folder / "train_labels.csv").open("a", encoding="utf-8") as file:
        file.write("gone,1\n")


def make_two_sizes(folder: Path) -> None:
    from snapgui.engine.images import encode_png

    (folder / "patches" / "normal1.png").write_bytes(encode_png(np.full((64, 64, 3), 200, np.uint8)))


def drop_metastases(folder: Path) -> None:
    rows = [
        row
        for row in (folder / "train_labels.csv").read_text(encoding="utf-8").splitlines()
        if not row.endswith(",1")
    ]
    (folder / "train_labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (break_labels, "no picture"),
        (make_two_sizes, "several sizes"),
        (drop_metastases, "nothing to attack"),
        (lambda folder: shutil.rmtree(folder / "patches"), "no picture"),
        (lambda folder: (folder / "train_labels.csv").unlink(), "neither train_labels.csv"),
        (lambda folder: (folder / "train_labels.csv").write_text("id,label\n", encoding="utf-8"), "no rows"),
        (
            lambda folder: (folder / "train_labels.csv").write_text(
                "id,label\nnormal1,x\n", encoding="utf-8"
            ),
            "labels are 0",
        ),
        (
            lambda folder: (folder / "splits.csv").write_text("id,split\nnormal1,val\n", encoding="utf-8"),
            "no row for",
        ),
    ],
)
def test_bad_data_ends_with_one_sentence_and_writes_nothing(
    small_set: Path, small_model: Path, tmp_path: Path, capsys, spoil, words: str
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    shutil.copytree(small_set, data)
    spoil(data)
    assert main(["audit", str(data), "--out", str(out), "--model", str(small_model), *FAST]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and words in said[0] and not out.exists()


def test_a_split_that_is_not_there_and_a_place_that_cannot_be_written(
    small_set: Path, small_model: Path, tmp_path: Path, capsys
) -> None:
    assert main(["audit", str(small_set), "--out", str(tmp_path / "out"), "--split", "test"]) == 2
    assert "no split “test”; it has train, val" in capsys.readouterr().err
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert (
        main(
            [
                "audit",
                str(small_set),
                "--out",
                str(tmp_path / "file" / "out"),
                "--model",
                str(small_model),
                *FAST,
            ]
        )
        == 2
    )
    assert "cannot be written" in capsys.readouterr().err


def test_a_victim_with_other_classes_is_refused(small_set: Path, linear_victim) -> None:
    with pytest.raises(DataError, match="two classes"):
        plan_audit(linear_victim(classes=3), small_set, SETTINGS)


def test_memory_holds_one_shard(small_set: Path, small_model: Path, tmp_path: Path) -> None:
    """Rows and pictures of a shard are gone from memory once they are on disk."""
    import gc

    audit = run_audit(
        small_model, small_set, tmp_path, replace(SETTINGS, shard_size=2, attack=AttackSettings(steps=1))
    )
    held, done = 0, -1
    for update in audit:
        if update.images_done > done:  # a shard has ended; to look takes a third of a second
            done = update.images_done
            gc.collect()
            held = max(held, sum(isinstance(thing, ShardResult) for thing in gc.get_objects()))
    assert done == 10
    assert held <= 2


def test_the_time_left_counts_attacks_and_never_rises_between_two_of_them() -> None:
    assert seconds_left(30.0, 3, 6, 0.0) == 60 and seconds_left(30.0, 3, 6, 25.0) == 35
    assert seconds_left(30.0, 3, 6, 90.0) == 0 and seconds_left(5.0, 0, 4, 1.0) is None
    assert seconds_left(30.0, 3, 0, 5.0) == 0
