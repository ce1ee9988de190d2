"""Forged bundles of a run whose hashes fit: each is found, or what it altered is named as not checked."""

import io
import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from snapgui.engine import controls
from snapgui.engine.generator.files import load_generator
from snapgui.engine.images import decode_pixels, encode_png
from snapgui.progress import drain
from snapgui.report.run.bundle import bundle_zip
from snapgui.report.verify.checks import Check, last_words
from snapgui.report.verify.curve import check_curve
from snapgui.report.verify.record import check_generator, check_record, read_claims
from snapgui.runs.picture_text import add_text, text_of
from snapgui.runs.run import run_snap

Files = dict[str, bytes]


def unpacked(data: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def record(files: Files, **values: Any) -> Files:
    """``result.json`` with other values; of ``attack`` and ``cells`` single settings, in the manifest and in
    the texts of the pictures as well.
    """
    result, manifest = json.loads(files["result.json"]), json.loads(files["manifest.json"])
    nested = {name: result[name] | values[name] for name in ("attack", "cells") if name in values}
    result |= values | nested
    manifest["settings"] |= nested
    changed = {"result.json": json.dumps(result).encode(), "manifest.json": json.dumps(manifest).encode()}
    for name in ("original.png", "adversarial.png", "mask.png", "figure.png") if nested else ():
        text = text_of(files[name])
        text["Settings"] = json.dumps(json.loads(text["Settings"]) | nested)
        changed[name] = add_text(encode_png(decode_pixels(files[name])), text)
    return changed


def manifest(files: Files, **values: Any) -> Files:
    return {"manifest.json": json.dumps(json.loads(files["manifest.json"]) | values).encode()}


def painted(files: Files, name: str, place: Any) -> Files:
    pixels = decode_pixels(files[name])
    pixels[place] = 17
    return {name: add_text(encode_png(pixels), text_of(files[name]))}


def curve(files: Files, change: Callable[[list[list[str]]], Any]) -> Files:
    rows = [line.split(",") for line in files["curve.csv"].decode().splitlines()]
    change(rows)
    return {"curve.csv": ("\n".join(map(",".join, rows)) + "\n").encode()}


Forgery = tuple[Callable[[Files], Files], str]
CURVE: dict[str, Forgery] = {
    "the curve is longer": (
        lambda f: curve(f, lambda rows: rows.append(["2", *rows[-1][1:]])),
        "it ends at step 2",
    ),
    "the curve ends elsewhere": (
        lambda f: curve(f, lambda rows: rows[-1].__setitem__(slice(1, 4), ["0.96", "0.04", "0.96"])),
        "the step kept has another answer",
    ),
    "the best of the curve is made up": (
        lambda f: curve(f, lambda rows: rows[1].__setitem__(3, "0.5")),
        "is no probability up to it",
    ),
    "columns of the curve are renamed": (
        lambda f: curve(f, lambda rows: rows[0].__setitem__(1, "p_benign")),
        "other columns",
    ),
    "steps": (lambda f: record(f, steps=25), "25 steps are stated"),
    "the step kept": (lambda f: record(f, best_step=0), "the step kept has another answer"),
    "stopped by a person": (lambda f: record(f, stopped=True), "it ended by itself"),
}
RECORD: dict[str, Forgery] = {
    "seed": (lambda f: record(f, seed=7), "are not those of the settings"),
    "target": (lambda f: record(f, target=1), "are not those of the settings"),
    "gamut": (lambda f: record(f, gamut="stain"), "are not those of the settings"),
    "a true class that is none": (lambda f: record(f, true_class=5), "is none of the 2 classes"),
    "where the mask came from": (
        lambda f: record(f, mask_source="proposed", cells={"seed": 9}),
        "the settings of the cells propose another",
    ),
    "a mask from nowhere": (lambda f: record(f, mask_source="nature"), "is said to be nature"),
    "image name": (lambda f: record(f, image_name="real patient"), "they differ in image"),
    "name of the model": (
        lambda f: manifest(f, model=json.loads(f["manifest.json"])["model"] | {"name": "best"}),
        "they differ in model",
    ),
    "when": (lambda f: record(f, started="2020-01-01T00:00:00+00:00"), "they differ in started"),
    "device": (lambda f: manifest(f, device="H100"), "they differ in device"),
    "notice": (lambda f: manifest(f, notice="For diagnosis."), "they differ in notice"),
    "texts inside a picture": (
        lambda f: {"mask.png": encode_png(decode_pixels(f["mask.png"]))},
        "Run of mask.png",
    ),
}
WHOLE: dict[str, Forgery] = {
    "the figure is another picture": (
        lambda f: {"figure.png": f["original.png"]},
        "figure.png shows other pictures",
    ),
    "a picture in the figure is altered": (
        lambda f: painted(f, "figure.png", np.s_[400:420, 700:720]),
        "figure.png shows other pictures",
    ),
    "words in the figure are altered": (
        lambda f: painted(f, "figure.png", np.s_[-80:-60]),
        "has other words or another curve",
    ),
    "the figure is gone": (lambda f: {"figure.png": None}, "figure.png is missing"),
    "the curve is gone": (lambda f: {"curve.csv": None}, "curve.csv is missing"),
    "a file is added": (lambda f: {"approval.pdf": b"x"}, "approval.pdf is no file of such a bundle"),
    "the curve begins higher": (
        lambda f: curve(f, lambda rows: rows[1].__setitem__(slice(1, 4), ["0.9", "0.1", "0.9"])),
        "has other words or another curve",
    ),
    "seed, everywhere": (lambda f: record(f, seed=7, attack={"seed": 7}), "control random colours"),
    "gamut, everywhere": (
        lambda f: record(f, gamut="stain", attack={"gamut": "stain"}),
        "outside the gamut asked for",
    ),
    "true class": (lambda f: record(f, true_class=0), "the findings, made again, are others"),
}


def failures(checks: Iterable[Check]) -> str:
    return "\n".join(str(one) for one in checks if one.state in ("fails", "unchecked"))


@pytest.mark.parametrize("forgery", CURVE)
def test_a_forged_curve_is_found(forgery, run_zip) -> None:
    change, sentence = CURVE[forgery]
    files = unpacked(run_zip)
    files |= change(files)
    assert sentence in failures(check_curve(read_claims(files.__getitem__), files["curve.csv"]))


@pytest.mark.parametrize("forgery", RECORD)
def test_a_forged_record_is_found(forgery, run_zip) -> None:
    change, sentence = RECORD[forgery]
    files = unpacked(run_zip)
    files |= change(files)
    told = json.loads(files["manifest.json"])
    assert sentence in failures(check_record(told, read_claims(files.__getitem__), files.__getitem__))


@pytest.mark.parametrize("forgery", WHOLE)
def test_a_forgery_is_found_though_the_hashes_fit(forgery, run_zip, verify, repack) -> None:
    change, sentence = WHOLE[forgery]
    checks = verify(repack(run_zip, change(unpacked(run_zip))))
    assert sentence in failures(checks)
    assert not last_words(checks).startswith("Everything holds")


def test_many_false_statements_are_all_found(run_zip, verify, repack) -> None:
    files = unpacked(run_zip)
    visibility = json.loads(files["result.json"])["visibility"] | {"eye": {"ssim": 1}}
    forged = record(
        files,
        findings=["All is well."],
        p_target_controls={"median colour": 0.014},
        visibility=visibility,
        classes=["benign", "tumour"],
    )
    said = failures(verify(repack(run_zip, forged)))
    for sentence in (
        "the findings, made again, are others",
        "the run does not state it",
        "visibility measured again is another",
        "benign and tumour are stated",
    ):
        assert sentence in said, said


def test_what_no_file_can_show_is_named_and_the_last_line_says_so(run_zip, verify, repack) -> None:
    files = unpacked(run_zip)
    changed = record(files, seconds=1e9, reviewed_by="an institute")
    checks = verify(repack(run_zip, changed | manifest(files, approved=True)))
    (named,) = (str(one) for one in checks if one.state == "stated")
    assert named.startswith("not checked:   image_name, synthetic, true_class, mask_source, started, seconds")
    assert "approved of manifest.json" in named and "reviewed_by" in named
    said = last_words(checks)
    assert (
        said.startswith("Everything holds. Made again or hashed: 22 claims")
        and "neither: what is named above" in said
    )


def test_the_file_of_nuclei_is_recorded_and_another_one_is_told(
    run_result, tiny_victim, verify, repack, monkeypatch
) -> None:
    monkeypatch.setattr(controls, "BEST_OF", 2)
    attack = replace(run_result.request.attack, texture="nucleus", steps=1, confidence=1.0)
    result = drain(run_snap(tiny_victim, replace(run_result.request, attack=attack)))
    data, here = bundle_zip(result), load_generator()[1]["sha256"]
    assert json.loads(unpacked(data)["result.json"])["generator_sha256"] == here
    checks = verify(repack(data, record(unpacked(data), generator_sha256="0" * 64)))
    (one,) = (check for check in checks if check.state == "unchecked")
    assert "the one stated has SHA-256 000000000000" in one.words and "SNAP_GENERATOR" in one.words
    named = "\n".join(check.words for check in checks if check.state == "stated")
    assert "painted from that file" in named and "painted from another file than is here" in named


@pytest.mark.parametrize(
    ("texture", "stated", "earlier", "state"),
    [
        ("free", None, False, None),
        ("free", "0" * 64, False, "fails"),
        ("nucleus", None, False, "fails"),
        ("nucleus", None, True, "stated"),
        ("nucleus", "0" * 64, False, "unchecked"),
        ("nucleus", "here", False, "holds"),
        ("nucleus", "here", True, "stated"),
    ],
)
def test_a_file_of_nuclei_is_the_one_stated_or_not(texture, stated, earlier, state) -> None:
    stated = load_generator()[1]["sha256"] if stated == "here" else stated
    found = check_generator(texture, stated, earlier=earlier)
    assert (None if found is None else found.state) == state
