import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from snapgui import cli, shipped
from snapgui.engine.images import decode_pixels, encode_png, sha256
from snapgui.engine.stains import fit_stains, stain_amounts
from snapgui.engine.victim.victim import Victim
from snapgui.progress import drain
from snapgui.report.run.bundle import bundle_zip
from snapgui.report.study.bundle import study_bundle
from snapgui.report.verify.checks import Check, agree
from snapgui.report.verify.retouch import beyond_bound
from snapgui.runs.picture_text import add_text, text_of
from snapgui.runs.run import run_snap
from snapgui.study.analysis.analyse import analyse, analysis_text
from snapgui.study.design.freeze import canonical_json, design_text
from snapgui.study.design.settings import StudySettings
from snapgui.study.design.study import make_study
from snapgui.study.records import Stimulus
from snapgui.study.store.columns import COLUMNS
from snapgui.study.store.export import to_csv


def wrong(checks: list[Check]) -> str:
    return "\n".join(str(one) for one in checks if one.state in ("fails", "unchecked"))


def entry(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name)


def changed_result(data: bytes, **values) -> dict[str, bytes]:
    return {"result.json": json.dumps(json.loads(entry(data, "result.json")) | values).encode()}


def test_a_bundle_as_exported_holds(run_zip, verify, run_result) -> None:
    checks = verify(run_zip)
    said = "\n".join(map(str, checks))
    assert wrong(checks) == "" and len(checks) == 29
    for words in (
        "7 of 7 files",
        "outside the mask every pixel is the same",
        "of the pixels, as stated",
        "the centre is excluded",
        "outside the image's range",
        "how natural it is, measured again, is as stated within one cell and 0.001: ",
        "adversarial.png, scored here: normal 9",
        "control median colour",
        "figure.png, drawn again, is the same",
        "the attack, made again with seed and settings stated, gives adversarial.png pixel by pixel",
    ):
        assert words in said, words
    assert f"covers {100 * run_result.request.mask.mean():.2f} % of the pixels" in said


def test_a_bundle_packed_again_by_other_means_holds(run_zip, verify, repack) -> None:
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(run_zip)) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in reversed(old.namelist()):
            new.writestr(name, old.read(name))
    assert wrong(verify(stream.getvalue())) == ""


def test_a_changed_byte_is_found(run_zip, verify) -> None:
    data = bytearray(run_zip)
    data[run_zip.index(b"best_p_target") + 40] ^= 1
    assert "DOES NOT HOLD  curve.csv" in wrong(verify(bytes(data)))
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(run_zip)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name) + (b" " if name == "curve.csv" else b""))
    assert "curve.csv has SHA-256" in wrong(verify(stream.getvalue()))


@pytest.mark.parametrize(
    "claim",
    [
        {"mean_de00_mask": 0.5},
        {"cells": 90},
        {"picked_out": 90},
        {"beyond_stains": 0.77},
        {"expected": 0.9},
        {"picked_out_before": "0"},
        {"seen_by": "a pathologist"},
    ],
)
def test_a_run_that_states_another_naturalness_than_it_has_is_found(run_zip, verify, repack, claim) -> None:
    stated = json.loads(entry(run_zip, "result.json"))["naturalness"]
    forged = changed_result(run_zip, naturalness=stated | claim)
    assert "how natural it is, measured again, is another than stated: " in wrong(
        verify(repack(run_zip, forged))
    )


def test_naturalness_by_another_detector_or_of_an_old_run_is_not_taken_for_wrong(
    run_zip, verify, repack
) -> None:
    values = json.loads(entry(run_zip, "result.json"))
    other = values["naturalness"] | {"detector": "0" * 64, "picked_out": 0}
    (check,) = (
        one
        for one in verify(repack(run_zip, changed_result(run_zip, naturalness=other)))
        # The figure says how natural it is, too.
        if one.state not in ("holds", "stated") and "figure.png" not in one.words
    )
    assert check.state == "unchecked" and "another detector" in check.words
    del values["naturalness"]
    left_out = {"result.json": json.dumps(values).encode()}
    assert "how natural it is: the run does not say" in wrong(verify(repack(run_zip, left_out)))
    broken = changed_result(run_zip, naturalness={"cells": "many"})
    assert "result.json says all that it should" in wrong(verify(repack(run_zip, broken)))


def test_what_another_version_words_and_draws_otherwise_is_stated(run_zip, verify, repack) -> None:
    values, manifest = (json.loads(entry(run_zip, name)) for name in ("result.json", "manifest.json"))
    del values["naturalness"], values["p_target_controls"]["random colours"]
    values["versions"]["snap-studio"] = manifest["made_with"]["snap-studio"] = "0.1.0"
    manifest["exported_with"]["snap-studio"] = "0.1.0"
    values["findings"] = ["In other words."]
    forged = {"result.json": json.dumps(values).encode(), "manifest.json": json.dumps(manifest).encode()}
    for name in ("original.png", "adversarial.png", "mask.png", "figure.png"):
        text = text_of(entry(run_zip, name)) | {"Software": "SNAP Studio 0.1.0"}
        pixels = decode_pixels(entry(run_zip, name))
        pixels[-80:-60] ^= np.uint8(name == "figure.png")
        forged[name] = add_text(encode_png(pixels), text)
    checks = verify(repack(run_zip, forged))
    assert wrong(checks) == "", wrong(checks)
    stated = "\n".join(one.words for one in checks if one.state == "stated")
    for words in (
        "findings: by this version they are",
        "words and curve of figure.png: other versions drew it",
        "how natural it is: the run of another version",
        "control random colours: normal",
        "other versions made the run than are here",
    ):
        assert words in stated, stated


def test_files_that_are_missing_or_too_many_are_found(run_zip, verify, repack) -> None:
    assert "figure.png: figure.png is missing" in wrong(
        verify(repack(run_zip, {"figure.png": None}, honest=True))
    )
    assert "more.txt is not listed" in wrong(verify(repack(run_zip, {"more.txt": b"x"}, honest=True)))
    manifest = json.loads(entry(run_zip, "manifest.json"))
    manifest["files"]["mask.png"]["sha256"] = "0" * 64
    assert "list different files or hashes" in wrong(
        verify(repack(run_zip, {"manifest.json": json.dumps(manifest).encode()}, honest=True))
    )


def test_a_changed_pixel_outside_the_mask_is_found_though_the_hashes_fit(
    run_zip, verify, repack, run_result
) -> None:
    pixels = run_result.adversarial.copy()
    y, x = np.argwhere(~run_result.request.mask)[7]
    pixels[y, x, 1] ^= 1
    assert "1 pixels outside the mask were changed" in wrong(
        verify(repack(run_zip, {"adversarial.png": encode_png(pixels)}))
    )
    original = run_result.request.pixels.copy()
    original[0, 0] ^= 1
    assert "the image has SHA-256" in wrong(verify(repack(run_zip, {"original.png": encode_png(original)})))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"p_after": [0.9, 0.1], "p_target_after": 0.9}, "adversarial.png, scored here"),
        ({"p_before": [0.2, 0.8], "p_target_before": 0.2}, "original.png, scored here"),
        ({"p_target_after": 0.999}, "outcome stated does not follow"),
        ({"success": False}, "outcome stated does not follow"),
        ({"area_fraction": 0.05}, "5.00 % is stated"),
        ({"centre": "open"}, "the centre is excluded; open is stated"),
        ({"image_sha256": "0" * 64}, "speak of different runs"),
        (
            {
                "gamut_shares": {
                    "changed_px": 1,
                    "outside_range": 0.0,
                    "outside_stain": 0.0,
                    "own_outside_stain": 0.0,
                }
            },
            "other shares are stated",
        ),
        (
            {"visibility": {"mask": {"ssim": 1.0, "psnr_db": 99.0, "mean_de00": 0.1, "p95_de00": 0.1}}},
            "visibility measured again is another",
        ),
        ({"p_target_controls": {"median colour": 0.9}}, "control median colour, made and scored here"),
        ({"p_after": "high"}, "result.json says all that it should"),
        ({"classes": 3}, "result.json says all that it should"),
        ({"visibility": None}, "result.json says all that it should"),
        ({"attack": {"gamut": "rainbow"}}, "the claims of the bundle can be read"),
        ({"attack": []}, "the claims of the bundle can be read"),
    ],
)
def test_a_wrong_statement_is_found_though_the_hashes_fit(run_zip, verify, repack, values, sentence) -> None:
    assert sentence in wrong(verify(repack(run_zip, changed_result(run_zip, **values))))


HUGE = 10**400


@pytest.mark.parametrize(
    "values",
    [
        {name: HUGE}
        for name in ("area_fraction", "centre", "image_sha256", "p_target_after", "success", "classes")
    ]
    + [
        {"p_after": [HUGE, HUGE]},
        {"p_before": [0.5, HUGE]},
        {"attack": {"steps": HUGE}},
        {"attack": {"seed": HUGE}},
        {"gamut_shares": {"changed_px": HUGE}},
        {"visibility": {"mask": {"ssim": HUGE, "psnr_db": HUGE, "mean_de00": HUGE, "p95_de00": HUGE}}},
        {"p_target_controls": {"median colour": HUGE}},
    ],
)
def test_a_number_too_large_to_be_one_is_a_claim_that_does_not_hold(run_zip, verify, repack, values) -> None:
    assert wrong(verify(repack(run_zip, changed_result(run_zip, **values))))


def test_a_number_too_large_to_be_one_in_an_audit_or_a_study(audit_zip, study_zip, verify, repack) -> None:
    data = audit_zip
    for change in (
        {"before": {"images": HUGE}},
        {"conditions": [{"condition": HUGE}]},
        {"paper": HUGE},
    ):
        summary = json.loads(entry(data, "summary.json")) | change
        assert wrong(verify(repack(data, {"summary.json": json.dumps(summary).encode()})))
    about = json.loads(entry(data, "audit.json")) | {"model_sha256": HUGE}
    assert wrong(verify(repack(data, {"audit.json": json.dumps(about).encode()})))
    analysis = json.loads(entry(study_zip, "analysis.json")) | {"answers": HUGE}
    assert wrong(verify(repack(study_zip, {"analysis.json": json.dumps(analysis).encode()})))
    design = json.loads(entry(study_zip, "design.json"))
    design["study"]["settings"]["seed"] = HUGE
    values = {name: value for name, value in design.items() if name != "sha256"}
    design["sha256"] = sha256(canonical_json(values).encode())
    assert wrong(verify(repack(study_zip, {"design.json": canonical_json(design).encode()})))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("result.json", b"[" * 100_000),
        ("result.json", b"[]"),
        ("mask.png", b"x"),
        ("original.png", encode_png(np.zeros((8, 8, 3), np.uint8))),
    ],
)
def test_files_that_cannot_be_read_are_claims_that_do_not_hold(run_zip, verify, repack, name, data) -> None:
    assert "the claims of the bundle can be read" in wrong(verify(repack(run_zip, {name: data})))


def test_an_original_that_allows_other_colours_is_found(run_zip, verify, repack, run_result) -> None:
    pixels = run_result.adversarial.copy()
    pixels[run_result.request.mask] = (255, 0, 0)
    said = wrong(verify(repack(run_zip, {"adversarial.png": encode_png(pixels)})))
    assert (
        "738 changed pixels have colours outside the gamut asked for, range" in said
        and "adversarial.png, scored here" in said
    )


@pytest.mark.parametrize("gamut", ["percentile", "pca", "stain"])
def test_each_gamut_is_held_and_missed(gamut, tiny_victim, run_result, verify, repack) -> None:
    request = replace(
        run_result.request, attack=replace(run_result.request.attack, gamut=gamut, steps=3, confidence=1.0)
    )
    result = drain(run_snap(tiny_victim, request))
    data = bundle_zip(result)
    assert wrong(verify(data)) == ""
    pixels = result.adversarial.copy()
    pixels[tuple(np.argwhere(request.mask)[0])] = (0, 255, 0)
    assert f"1 changed pixels have colours outside the gamut asked for, {gamut}" in wrong(
        verify(repack(data, {"adversarial.png": encode_png(pixels)}))
    )


def test_a_retouch_is_held_and_missed(retouched, verify, repack) -> None:
    data = bundle_zip(retouched)
    checks = verify(data)
    said = "\n".join(map(str, checks))
    assert wrong(checks) == ""
    assert "every changed colour is its own stains stronger or weaker by at most 60 %" in said
    assert "gamut asked for" not in said
    for control in ("median colour", "random retouch", "best of 50 draws of random retouch"):
        assert f"control {control}, made and scored here" in said
    before, after = retouched.request.pixels, retouched.adversarial
    changed = np.argwhere((before != after).any(axis=2))
    assert len(changed) > 1000
    for y, x in changed[:: len(changed) // 5]:
        for colour in ((0, 255, 0), 255 - before[y, x]):
            pixels = after.copy()
            pixels[y, x] = colour
            assert (
                "1 changed pixels have colours that are more than its own stains stronger or weaker"
                in wrong(verify(repack(data, {"adversarial.png": encode_png(pixels)})))
            )


def test_a_retouch_beyond_its_bound_is_missed(retouched, verify, repack) -> None:
    """A picture retouched by up to 60 % does not pass for one by up to a tenth of that."""
    before, after = retouched.request.pixels, retouched.adversarial
    assert not beyond_bound(before, after, 0.6).any()
    assert beyond_bound(before, after, 0.06).mean() > 0.3
    data = bundle_zip(retouched)
    attack = {**retouched.request.attack.to_json(), "bound": 0.06}
    assert "more than its own stains stronger or weaker by at most 6 %" in wrong(
        verify(repack(data, changed_result(data, attack=attack)))
    )


def test_every_retouch_of_one_pixel_is_told_from_its_neighbours(tissue) -> None:
    """Stains at the bound and rounded pass; the same with a level or three added to one channel alone do
    not, where the pixel is dark enough that this is no retouch.
    """
    stains, rng = fit_stains(tissue), np.random.default_rng(0)
    amounts, left = stain_amounts(tissue / 255, stains)
    field = rng.choice([-0.4, 0.4], amounts.shape)
    colours = np.exp(-((amounts * (1 + field)) @ stains + left)) * 255
    after = np.clip(np.rint(colours), 0, 255).astype(np.uint8)
    assert not beyond_bound(tissue, after, 0.4).any()
    tinted = after.copy()
    tinted[..., 1] = np.clip(tinted[..., 1].astype(int) + 30, 0, 255)
    assert beyond_bound(tissue, tinted, 0.4).mean() > 0.9


def test_another_model_is_found_and_an_unknown_one_is_not_passed_over(run_zip, tmp_path, capsys) -> None:
    (tmp_path / "b.zip").write_bytes(run_zip)
    (tmp_path / "other.safetensors").write_bytes(b"other weights")
    assert cli.main(["verify", str(tmp_path / "b.zip"), "--model", str(tmp_path / "other.safetensors")]) == 1
    said = capsys.readouterr().out
    assert (
        "DOES NOT HOLD  other.safetensors has SHA-256" in said
        and "1 claim of this bundle does not hold" in said
    )
    assert cli.main(["verify", str(tmp_path / "b.zip")]) == 1
    said = capsys.readouterr().out
    assert (
        "not checked    pictures scored by the model: it is not the shipped one" in said
        and "not all could be checked" in said
    )
    assert cli.main(["verify", str(tmp_path / "b.zip"), "--model", str(tmp_path / "none")]) == 2


@pytest.mark.parametrize("preset", ["natural", "paper"])
def test_a_run_of_the_shipped_model_is_scored_again_from_the_command_line(
    preset, tmp_path, capsys, monkeypatch, shipped_victim, repack
) -> None:
    picture = sorted(shipped.DEMO_FOLDER.glob("metastasis_*.png"))[0]
    monkeypatch.setattr(Victim, "load", lambda path, **_: shipped_victim)
    assert (
        cli.main(
            [
                "attack",
                str(picture),
                "--out",
                str(tmp_path / "run"),
                "--preset",
                preset,
                "--steps",
                "2",
                "--device",
                "cpu",
            ]
        )
        == 0
    )
    assert cli.main(["report", str(tmp_path / "run"), "--out", str(tmp_path / "b.zip")]) == 0
    capsys.readouterr()
    assert cli.main(["verify", str(tmp_path / "b.zip")]) == 0
    said = capsys.readouterr().out
    assert (
        "Everything holds." in said
        and f"SHA-256 {shipped_victim.card.sha256[:12]}" in said
        and "DOES NOT" not in said
    )
    data = (tmp_path / "b.zip").read_bytes()
    p = json.loads(entry(data, "result.json"))["p_after"]
    stated = [p[0] + 0.01, p[1] - 0.01]
    (tmp_path / "c.zip").write_bytes(
        repack(data, changed_result(data, p_after=stated, p_target_after=stated[0]))
    )
    assert cli.main(["verify", str(tmp_path / "c.zip")]) == 1
    assert "DOES NOT HOLD  adversarial.png, scored here" in capsys.readouterr().out


def test_an_audit_is_summed_up_again_and_its_pictures_scored(audit_zip, verify, repack) -> None:
    data = audit_zip
    assert wrong(verify(data)) == ""
    summary = json.loads(entry(data, "summary.json"))
    summary["conditions"][0]["flipped"]["interval"][0] += 0.01
    assert "does not follow from rows.parquet" in wrong(
        verify(repack(data, {"summary.json": json.dumps(summary).encode()}))
    )
    rows = pd.read_parquet(io.BytesIO(entry(data, "rows.parquet")))
    rows.loc[rows["condition"] == "SNAP", "p_label_after"] = 0.01
    stream = io.BytesIO()
    rows.to_parquet(stream)
    assert "0000001.png: scored here" in wrong(verify(repack(data, {"rows.parquet": stream.getvalue()})))
    name = "pictures/0000001-mask.png"
    mask = decode_pixels(entry(data, name))
    mask[:8] = 255
    assert "another area or another centre" in wrong(verify(repack(data, {name: encode_png(mask)})))
    assert "is no table of an audit" in wrong(verify(repack(data, {"rows.parquet": b"PAR1"})))


@pytest.fixture(scope="module")
def study_zip() -> bytes:
    """A study that nobody has read yet."""
    from snapgui.study.records import OBVIOUS, SNAP, UNTOUCHED

    stimuli = [
        Stimulus(f"{number:02d}{arm.name}", f"m{number}", arm, number % 2)
        for number in range(6)
        for arm in (UNTOUCHED, SNAP)
    ]
    for use, arms in (("practice", (UNTOUCHED, SNAP)), ("catch", (UNTOUCHED, OBVIOUS))):
        stimuli += [
            Stimulus(f"{use}{number}{arm.name}", f"{use}{number}", arm, 1, use)
            for number in range(2)
            for arm in arms
        ]
    study = make_study(stimuli, StudySettings("Which tissue?", seed=5, repeats=0))
    return study_bundle(
        {
            "trials.csv": to_csv(list(COLUMNS), []).encode(),
            "design.json": design_text(study).encode(),
            "analysis.json": analysis_text(analyse([], study)).encode(),
        },
        "which",
    )


def test_a_study_is_analysed_again(study_zip, verify, repack) -> None:
    checks = verify(study_zip)
    assert wrong(checks) == "" and "made again from the answers, is the same" in str(checks[-1])
    analysis = json.loads(entry(study_zip, "analysis.json"))
    analysis["verdict"] = ["Nobody could tell."]
    assert "differs in verdict" in wrong(
        verify(repack(study_zip, {"analysis.json": json.dumps(analysis).encode()}))
    )
    design = entry(study_zip, "design.json").replace(b"Which tissue?", b"Which tissues")
    assert "changed after it was frozen" in wrong(verify(repack(study_zip, {"design.json": design})))


def test_of_an_analysis_by_an_earlier_version_the_numbers_are_made_again(study_zip, verify, repack) -> None:
    analysis = json.loads(entry(study_zip, "analysis.json"))
    analysis |= {"format": 1, "verdict": ["In other words."], "bootstrap": {"SNAP": 0.5}}
    checks = verify(repack(study_zip, {"analysis.json": json.dumps(analysis).encode()}))
    assert not any(one.state == "fails" for one in checks)
    assert "in all numbers that are made today" in str(checks[-2])
    assert checks[-1].state == "unchecked" and "an earlier version wrote it" in checks[-1].words
    analysis["answers"]["readers"] = 3
    assert "differs in answers" in wrong(
        verify(repack(study_zip, {"analysis.json": json.dumps(analysis).encode()}))
    )


def test_figures_agree_within_a_tolerance() -> None:
    assert (
        agree({"a": [1, None, "x"]}, {"a": [1.0005, None, "x"]}, 0.001)
        and not agree([1], [1, 2], 1)
        and not agree(True, 1, 1)
    )
    assert not agree("1", 1, 1) and not agree(float("nan"), 0.5, 1) and not agree({"a": 1}, {"b": 1}, 1)
    assert str(replace(Check("fails", "x"), words="y")) == "DOES NOT HOLD  y"
