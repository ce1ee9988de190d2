"""Corruptions beside SNAP: resumed after a kill, matched on the same images, told from the command line."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from statsmodels.stats.proportion import confint_proportions_2indep

from snapgui import progress, shipped
from snapgui.audit import run as audit_run
from snapgui.audit import store as audit_store
from snapgui.audit.read import read_finished
from snapgui.audit.rows import SCHEMA, UNTOUCHED, new_row, to_parquet
from snapgui.audit.run import AuditOutcome, AuditProgress
from snapgui.audit.settings import AuditSettings
from snapgui.audit.summary import summarise as summarise_audit
from snapgui.cli import main
from snapgui.corruptions import run
from snapgui.corruptions.audits import audit_subjects, audited_victim
from snapgui.corruptions.measure import SCALES, CorruptionSettings, weaken
from snapgui.corruptions.methods import corruption_methods
from snapgui.corruptions.run import run_corruptions
from snapgui.corruptions.store import Comparison, read_audited
from snapgui.corruptions.subjects import Subjects, take_turns
from snapgui.corruptions.summary import summarise
from snapgui.corruptions.words import HEAD, headline, point_cells
from snapgui.data.datasets import open_patches
from snapgui.engine.cells.outlines import draw_mask
from snapgui.engine.images import encode_png, read_pixels, to_image
from snapgui.engine.nuclei import find_nuclei
from snapgui.engine.victim.victim import Victim
from snapgui.errors import DataError, SettingsError
from snapgui.report.audit.methods import audit_methods
from snapgui.statistics import mean_of, paired_difference

SETTINGS = CorruptionSettings(kinds=("contrast", "fold"), grades=(1, 4))


def pairs(both: int, first: int, second: int, neither: int) -> tuple[list[bool], list[bool]]:
    one = [True] * (both + first) + [False] * (second + neither)
    return one, [True] * both + [False] * first + [True] * second + [False] * neither


def test_a_paired_difference_is_that_of_the_books() -> None:
    # Altman et al., Statistics with Confidence, 2000, table 6.2; Newcombe 1998; Fagerland et al. 2014.
    for table, value, low, high in (
        ((14, 5, 0, 22), 0.122, 0.011, 0.226),
        ((36, 12, 2, 0), 0.2, 0.0569, 0.3404),
        ((1, 7, 1, 12), 0.286, 0.026, 0.507),
    ):
        found = paired_difference(*pairs(*table))
        assert found["value"] == pytest.approx(value, abs=5e-4) and found["of"] == sum(table)
        assert found["interval"] == pytest.approx([low, high], abs=5e-4)
    independent = confint_proportions_2indep(10, 30, 18, 30, method="newcomb")
    assert paired_difference(*pairs(6, 4, 12, 8))["interval"] == pytest.approx(independent)
    assert paired_difference([], [])["value"] is None
    assert paired_difference([True] * 9, [True] * 9)["interval"][0] > -0.5
    assert mean_of([2.0]) == {"mean": 2.0, "interval": [2.0, 2.0], "of": 1} and mean_of([])["mean"] is None


def test_more_images_begin_with_fewer_and_classes_take_turns() -> None:
    labels = np.array([0] * 9 + [1] * 5)
    few, many = take_turns(labels, most=3), take_turns(labels)
    assert list(many[:6]) == list(few) and list(labels[few]) == [1, 0, 1, 0, 1, 0]
    assert sorted(many) == list(range(14))


def test_snap_is_weakened_towards_the_original_and_other_sizes_are_refused(tissue: np.ndarray) -> None:
    altered = tissue // 2
    np.testing.assert_array_equal(weaken(tissue, altered, 1.0), altered)
    half = weaken(tissue, altered, 0.5).astype(int)
    assert abs(half - (tissue.astype(int) + altered) / 2).max() <= 0.5
    with pytest.raises(DataError, match=r"48 x 96 px and its original 96 x 96 px"):
        weaken(tissue, altered[:, :48], 0.5)


@pytest.fixture
def subjects(tissue: np.ndarray) -> Subjects:
    pictures = [np.roll(tissue, 7 * k, axis=1) for k in range(6)]
    return Subjects(
        names=tuple(f"picture{k}" for k in range(6)),
        labels=tuple(k % 2 for k in range(6)),
        pixels=lambda place: pictures[place],
        snap={"SNAP": lambda place: pictures[place] // 2 if place % 2 else None},
        identity={"set": "drawn"},
    )


def test_a_killed_run_goes_on_and_other_kinds_join_it(
    tmp_path: Path, subjects: Subjects, linear_victim, monkeypatch
) -> None:
    victim = linear_victim(size_px=96)
    asked: list[tuple[str, int]] = []
    measure = run.measure

    def counting(victim, subjects, places, condition, settings):
        asked.append((condition, places[0]))
        return measure(victim, subjects, places, condition, settings)

    monkeypatch.setattr(run, "measure", counting)
    monkeypatch.setattr(run, "PART", 4)
    whole = progress.drain(run_corruptions(victim, subjects, tmp_path / "whole", SETTINGS))
    assert len(whole) == 6 + 3 * len(SCALES) + 6 * 4 and len(asked) == 8
    asked.clear()
    begun = run_corruptions(victim, subjects, tmp_path / "killed", SETTINGS)
    for step in begun:
        if step.done == 3:
            break
    begun.close()
    (parts,) = (tmp_path / "killed").iterdir()
    (parts / ".fold-000000-x.parquet.abc.partial").write_bytes(b"half")
    steps: list = []
    resumed = progress.drain(run_corruptions(victim, subjects, tmp_path / "killed", SETTINGS), steps.append)
    assert len(asked) == len(set(asked)) == 8 and steps[0].done == 3 and steps[-1].done == steps[-1].of == 8
    pd.testing.assert_frame_equal(resumed, whole)
    asked.clear()
    stopped = run_corruptions(victim, subjects, tmp_path / "killed", SETTINGS, stop=lambda: True)
    assert progress.drain(stopped) is not None, "nothing is left to be stopped"
    more = CorruptionSettings(kinds=("contrast", "jpeg"), grades=(1, 4))
    progress.drain(run_corruptions(victim, subjects, tmp_path / "killed", more))
    assert {condition for condition, _ in asked} == {"jpeg"}
    next(parts.glob("jpeg-*")).write_bytes(b"damaged")
    with pytest.raises(DataError, match="is damaged .* Delete it"):
        progress.drain(run_corruptions(victim, subjects, tmp_path / "killed", more))


def told(condition: str, level: float, flipped: set[int], de00: float, ssim: float, names=range(10)) -> list:
    return [
        {
            "condition": condition,
            "level": level,
            "name": f"m{k}",
            "label": 1,
            "predicted": int(k not in flipped),
            "p_label": 0.5,
            "de00": de00,
            "ssim": ssim,
        }
        for k in names
    ]


def test_snap_stands_with_the_strongest_share_that_is_no_more_visible_on_the_same_images() -> None:
    rows = pd.DataFrame(
        told("untouched", 0, {9}, 0, 1)
        + told("SNAP", 0.5, {0, 1, 2}, 1.0, 0.95, range(8))
        + told("SNAP", 1.0, {0, 1, 2, 3, 4, 5, 6}, 2.0, 0.9, range(8))
        + told("jpeg", 1, {9}, 0.5, 0.99)
        + told("jpeg", 2, {0, 9}, 1.5, 0.89)
        + told("jpeg", 3, {0, 8, 9}, 4.0, 0.5)
    )
    numbers = summarise(rows, ["SNAP"])
    assert numbers["images"] == {"lost": {"of": 10, "recognised": 9}, "turned": {"of": 0, "recognised": 0}}
    faint, middle, strong = numbers["corruptions"]
    assert faint["lost"]["snap"]["SNAP"] == {"de00": None, "ssim": None}
    match = middle["lost"]["snap"]["SNAP"]
    assert match["de00"]["scale"] == 0.5 and match["ssim"]["scale"] == 1.0
    assert (match["de00"]["flipped"]["count"], match["de00"]["corruption"]["count"]) == (3, 1)
    assert (
        match["de00"]["difference"]["value"] == pytest.approx(2 / 8) and match["de00"]["flipped"]["of"] == 8
    )
    assert strong["lost"]["flipped"]["count"] == 2, "an image that was wrong before is not lost"
    assert strong["lost"]["flipped"]["of"] == 9 and strong["accuracy"]["count"] == 7
    assert "turned" not in numbers["snap"]["SNAP"][0] and strong["turned"]["snap"] == {}
    comparison = Comparison("ten.", numbers, {"SNAP": "this audit"})
    words = headline(comparison, "SNAP")
    assert "7 of 8: 87.5 %" in words and "JPEG (quality 60, CIEDE2000 4.00" in words
    assert "No picture of SNAP" in headline(comparison, "SNAP", "turned")
    assert len(point_cells(middle, "SNAP")) == len(HEAD)
    methods = corruption_methods(comparison)
    assert "JPEG (quality 90 to quality 60)" in methods and "Newcombe" in methods and "ICLR 2019" in methods


def test_what_is_asked_is_checked() -> None:
    with pytest.raises(SettingsError, match="choose from jpeg"):
        CorruptionSettings(kinds=("fog",))
    with pytest.raises(SettingsError, match="whole numbers from 1, weakest, to 5"):
        CorruptionSettings(grades=(0,))
    with pytest.raises(SettingsError, match="shift has no grade 4 and 5; its grades end at 3"):
        CorruptionSettings(kinds=("shift",), grades=(4, 5))
    with pytest.raises(SettingsError, match="images is 0"):
        CorruptionSettings(images=0)
    with pytest.raises(SettingsError, match="name at least one"):
        CorruptionSettings(kinds=())


@pytest.fixture
def audit(tmp_path: Path, small_model: Path) -> Path:
    """A finished audit of four demo patches of each class, whose pictures of SNAP have halved nuclei."""
    data, folder = tmp_path / "set", tmp_path / "audit-0123456789ab"
    (data / "patches").mkdir(parents=True)
    lines = ["id,label"]
    for name in ("metastasis", "normal"):
        for k, path in enumerate(sorted(shipped.DEMO_FOLDER.glob(f"{name}*.png"))[:4]):
            (data / "patches" / f"{name}{k}.png").write_bytes(encode_png(read_pixels(path)))
            lines.append(f"{name}{k},{int(name == 'metastasis')}")
    (data / "train_labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (data / "splits.csv").write_text(
        "id,split\n" + "\n".join(f"{line.split(',')[0]},val" for line in lines[1:]) + "\n", encoding="utf-8"
    )
    patches, victim, rows = open_patches(data), Victim.load(small_model), []
    for folder_name in ("shards", "pictures"):
        (folder / folder_name).mkdir(parents=True)
    for position in range(len(patches)):
        pixels, label = patches.pixels(position), int(patches.labels[position])
        p = float(victim.predict(to_image(pixels)[None])[0, label])
        known = {"predicted_before": label if p > 0.5 else 1 - label, "p_label_before": p}
        status = "attacked" if label and p > 0.5 else "other class"
        rows.append(new_row(patches, position, UNTOUCHED, status=status, **known))
        if status == "attacked":
            mask = draw_mask(find_nuclei(pixels), pixels.shape[:2])
            picture = f"{position:07d}.png"
            altered = np.where(mask[..., None], pixels // 2, pixels)
            (folder / "pictures" / picture).write_bytes(encode_png(altered))
            rows.append(
                new_row(
                    patches,
                    position,
                    "SNAP",
                    status="measured",
                    picture=picture,
                    flipped=True,
                    reached_goal=True,
                    centre="open",
                    **known,
                )
            )
    about = {
        "data_path": str(data),
        "model_path": str(small_model),
        "fingerprint": "0123456789ab",
        "model": "small",
        "model_sha256": victim.card.sha256,
        "data": "set",
        "started": "2026-01-01",
        "classes": ["normal", "metastasis"],
        "settings": AuditSettings().to_json(),
        "images": len(patches),
    }
    (folder / "audit.json").write_text(json.dumps(about), encoding="utf-8")
    (folder / "rows.parquet").write_bytes(to_parquet(rows))
    audit_store.write_summary(folder, summarise_audit(audit_store.read_rows(folder, SCHEMA.names)))
    return folder


def test_the_command_writes_table_and_numbers_and_refuses_what_changed(
    audit: Path, monkeypatch, capsys
) -> None:
    # The other tests of this process keep their threads.
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    asked = [str(audit), "--kinds", "jpeg", "fold", "--grades", "5", "--images", "3", "--device", "cpu"]
    assert main(["corruptions", *asked]) == 0
    out = capsys.readouterr()
    assert "quality 30" in out.out and "SNAP (this audit" in out.out and "parts" in out.err
    with (audit / "corruptions.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    lost = [line for line in lines if line["images"] == "recognised metastases"]
    assert len(lost) == 2 + len(SCALES) and {line["condition"] for line in lost} >= {"JPEG", "fold"}
    assert all(int(line["flipped_of"]) >= 2 and float(line["flipped_low"]) >= 0 for line in lost)
    whole = [line for line in lost if line["condition"].startswith("SNAP")][-1]
    comparison = read_audited(read_finished(audit))
    assert comparison.numbers["snap"]["SNAP"][-1]["lost"]["de00"]["mean"] == pytest.approx(
        float(whole["de00"])
    )

    assert "we corrupted 3 metastases and 3 normal patches by JPEG" in audit_methods(read_finished(audit))
    for wrong, sentence in (
        (["--kinds", "fog"], "There is no corruption “fog”"),
        (["--grades", "9"], "A grade is 9"),
    ):
        assert main(["corruptions", str(audit), *wrong]) == 2
        assert sentence in capsys.readouterr().err
    finished = read_finished(audit)
    for change, sentence in (
        ({"model_sha256": "1" * 64}, "is another one than"),
        ({"model_path": "/nowhere/model.safetensors"}, "is gone. Put it back"),
    ):
        with pytest.raises(DataError, match=sentence):
            audited_victim(replace(finished, about=finished.about | change))
    victim = audited_victim(finished)
    labels = finished.data / "train_labels.csv"
    kept = labels.read_text(encoding="utf-8")
    labels.write_text(kept.replace(",1", ",2").replace(",0", ",1").replace(",2", ",0"), encoding="utf-8")
    with pytest.raises(DataError, match="or has another label"):
        audit_subjects(finished, victim)
    labels.write_text(kept, encoding="utf-8")
    for path in (finished.data / "patches").iterdir():
        path.write_bytes(encode_png(np.full((96, 96, 3), 200, np.uint8)))
    with pytest.raises(DataError, match="the model answers otherwise on"):
        audit_subjects(finished, victim)


def test_an_audit_goes_on_to_corruptions_when_it_is_done(
    audit: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    def done(*args, **settings):
        yield AuditProgress(8, 8, "", 0.0, 4, 4)
        return AuditOutcome(audit, {})

    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    monkeypatch.setattr(audit_run, "run_audit", done)
    asked = ["audit", str(tmp_path / "set"), "--out", str(tmp_path), "--device", "cpu", "--corruptions"]
    assert main([*asked, "shift"]) == 0
    assert "SNAP (this audit" in capsys.readouterr().out and (audit / "corruptions.json").is_file()
    assert main([*asked, "fog"]) == 2
    captured = capsys.readouterr()
    assert "no corruption “fog”" in captured.err and "8 of 8" not in captured.err, "before any work"
